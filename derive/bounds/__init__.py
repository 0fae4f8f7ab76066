"""Gradient flow: the step Jacobian of a cell, and bounds of it in norm.

In: a `System`. Out: its `Flow`, from which every statement about vanishing and exploding gradients follows.
"""

from derive.bounds.flow import Differential, Direct, Flow, Passage, Product, flow, gates_through
from derive.bounds.interpret import step_blocks
from derive.bounds.memory import Gate, Memory, memories, mixing
from derive.bounds.normalisers import Normaliser
from derive.bounds.suprema import range_of, supremum
from derive.bounds.switches import Switches, switches

__all__ = [
    "Differential", "Direct", "Flow", "Gate", "Memory", "Normaliser", "Passage", "Product", "Switches", "flow",
    "gates_through", "memories", "mixing", "range_of", "step_blocks", "supremum", "switches",
]  # fmt: skip
