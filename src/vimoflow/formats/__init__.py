"""One file knows one format, read and write."""
