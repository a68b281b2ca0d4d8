"""One module a kind of source; each yields recordings."""
