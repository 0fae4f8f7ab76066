"""The scalar functions of cells: what they are, their derivatives and their values.

In: a function's name. Out: its row, an inert application of it, its derivative in terms of its output
where one is found, its value at a number, its shape and how steep it is. A function is added by a row in `table.py`.
"""

from derive.functions.applied import ScalarFunction
from derive.functions.derivatives import derivative
from derive.functions.evaluation import evaluate
from derive.functions.primitives import Y, Z
from derive.functions.rows import application, lookup
from derive.functions.shape import Shape, Turn, shape
from derive.functions.suprema import SlopeBound, slope_bound
from derive.functions.table import FUNCTIONS, Row

__all__ = [
    "FUNCTIONS",
    "Row",
    "ScalarFunction",
    "Shape",
    "SlopeBound",
    "Turn",
    "Y",
    "Z",
    "application",
    "derivative",
    "evaluate",
    "lookup",
    "shape",
    "slope_bound",
]
