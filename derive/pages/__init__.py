"""Pages: everything that is known of a cell on one page that needs nothing else, and a gallery of cells.

In: cells. Out: the text of HTML files, the same for the same cells. LaTeX becomes MathML by latex2mathml, and code is
coloured by Pygments, which are extras: `pip install 'derive-rnn[pages]'`.
"""

from derive.pages.build import build

__all__ = ["build"]
