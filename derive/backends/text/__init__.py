"""A derivation as plain text, for a terminal.

In: what was derived from a cell. Out: its equations, the recurrence backwards and the gradients, in
Unicode, under the names that the generated code uses.
"""

from derive.backends.text.listing import show

__all__ = ["show"]
