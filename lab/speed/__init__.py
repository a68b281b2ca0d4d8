"""How fast parts of the program are, beside a plain way of doing the same."""
