"""Pictures of gradient flow.

In: `GradientFlow`s, and nothing else. Out: figures, and files that are the same bytes whenever they are drawn.
The only room that imports matplotlib, which is an extra: `pip install 'derive-rnn[plot]'`.
"""

from derive.figures.growth import growth
from derive.figures.network import network
from derive.figures.paths import paths
from derive.figures.shares import shares
from derive.figures.style import save, svg

__all__ = ["growth", "network", "paths", "save", "shares", "svg"]
