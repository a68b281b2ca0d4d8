"""The rendered benchmark: validation motions on a synthetic person, filmed, with exact truth."""
