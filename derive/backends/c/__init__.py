"""The C backend. In: a schedule. Out: finished lines of C99 for the templates in templates/c."""
