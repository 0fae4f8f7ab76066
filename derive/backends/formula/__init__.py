"""Formulas in matrix form, found from a cell's tree and from index equations; spelled by the printers."""
