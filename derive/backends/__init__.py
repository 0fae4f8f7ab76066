"""One room a backend: each turns a schedule (LaTeX: the equations) into finished lines for its templates."""
