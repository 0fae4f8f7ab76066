"""How large a cell may be. In: nothing. Out: the limits, far above any cell that a person writes."""

from __future__ import annotations

FILE = 32_000  # characters
LINE = 1_000  # characters
STATEMENTS = 400
NESTING = 60  # levels of a bracket or of an expression
NAME = 40  # characters
AXES = 32
NODES = 5_000  # nodes of all equations, macros expanded
OPERANDS = 64  # of one call or concatenation
DIGITS = 30
EXPONENT = 64  # of a power
SMALLEST, LARGEST = -37, 37  # decimal exponents: what float32 holds without loss of range
HEIGHT = 150  # of a tree with its macros expanded: whoever reads it may recurse
