"""Formulas in matrix form, found from a cell's tree and from index equations; spelled by the printers."""

from derive.backends.formula.derivation import Contribution, Derivation, Explained, Piece, Step, explain

__all__ = ["Contribution", "Derivation", "Explained", "Piece", "Step", "explain"]
