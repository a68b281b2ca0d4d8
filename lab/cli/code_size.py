"""``python -m lab code-size``: how much code the wheel holds."""

from __future__ import annotations


def code_size() -> None:
    """Lines of code without blanks, comments and docstrings, and what is too long."""
    from lab.code_size import code_size, code_size_report

    print(code_size_report(code_size()))
