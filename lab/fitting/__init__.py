"""Where the numbers that ship in the package come from."""
