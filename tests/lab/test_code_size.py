"""What counts as code, and where functions begin and end."""

from __future__ import annotations

from pathlib import Path

from lab.code_size import code_size, code_size_report, too_long

SOURCE = '''"""A module
of two lines."""

import os  # counts once

TABLE = """
data
"""


class Kind:
    """Not code."""

    def method(
        self,
        option: int = 1,
    ) -> int:
        """Not code.

        Either.
        """
        # no

        def inner() -> int:
            return 2

        return (
            inner()
        )
'''


def test_blanks_comments_and_docstrings_are_no_code(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "kind.py").write_text(SOURCE)
    size = code_size(tmp_path)
    assert size.lines == 14 and size.files[0].whole == len(SOURCE.splitlines())
    assert {f.name: f.lines for f in size.functions} == {
        "a/kind.py:Kind.method": 3,
        "a/kind.py:Kind.method.inner": 1,
    }
    assert size.share_short == 1.0 and not too_long(size)


def test_what_is_too_long_is_named(tmp_path: Path) -> None:
    body = "".join(f"    x{i} = {i}\n" for i in range(61))
    (tmp_path / "long.py").write_text(f"def f():\n{body}" + "\n" * 300)
    size = code_size(tmp_path)
    assert too_long(size) == ("long.py, 362 lines", "long.py:f, 61 lines")
    assert "too long: long.py:f, 61 lines" in code_size_report(size)
