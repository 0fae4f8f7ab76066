"""The NumPy backend. In: a schedule. Out: finished lines of Python for the templates in templates/numpy."""
