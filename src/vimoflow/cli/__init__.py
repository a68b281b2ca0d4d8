"""The ``vimoflow`` command: each command parses its options and calls one library function."""
