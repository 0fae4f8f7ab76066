"""A derivation as plain text, for a terminal.

In: what was derived from a cell. Out: its equations, the recurrence backwards, the gradients and the step
Jacobian, in Unicode, under the names that the generated code uses.
"""

from derive.backends.text.flow import block_bounds, step_words
from derive.backends.text.listing import show
from derive.backends.text.spelling import Spelling

__all__ = ["Spelling", "block_bounds", "show", "step_words"]
