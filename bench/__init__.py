"""How fast the kernels are, beside what else computes the same. In: a selection of cells and sizes. Out: bench/results.

`run.py` measures; `publish.py` turns what was measured into docs/benchmarks.md and its pictures. See README.md.
"""
