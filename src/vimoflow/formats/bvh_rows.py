"""The rows of a BVH file's MOTION section: what is whole is read, whatever the header counts."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.formats.number_text import parse_numbers

MAX_VALUE = 1e7
_SHOWN = 40  # characters of a line in a message
_SOON = 1000  # lines
_LINE = re.compile(rb"[^\r\n]+")


@dataclass(frozen=True)
class Rows:
    """The frames of a file.

    Attributes:
        values: one row a frame.
        left_out: the last row, if it is cut, or what follows the last one and is no numbers; ""
            if the file ends with a whole row.
    """

    values: Float[np.ndarray, "frames columns"]
    left_out: str = ""

    def notes(self, declared: int) -> tuple[str, ...]:
        """What a user should know, given the number of frames in the header."""
        count, found = len(self.values), []
        if count != declared:
            found.append(f"the header declares {declared} frames, {count} are read")
        if self.left_out:
            found.append(f"{self.left_out} is left out")
        return tuple(found)


def read_rows(data: bytes, start: int, columns: int, source: str) -> Rows:
    """All whole rows from ``start`` on, one a line.

    Raises:
        InputError: rows of another width, no whole row, a word that is no number before the last
            row, or values that make no sense.
    """
    text = data[start:].strip()
    rows = _whole_rows(text, columns) or _up_to_junk(text, columns, source)
    values = rows.values
    if not (values.min() >= -MAX_VALUE and values.max() <= MAX_VALUE):  # false for NaN as well
        raise InputError(f"{source}: holds NaN, infinite or absurdly large values")
    return rows


def _whole_rows(text: bytes, columns: int) -> Rows | None:
    """All in one call, where every line but a cut last one has a frame; None if it is not so."""
    try:
        values = parse_numbers(text)
    except ValueError:
        return None
    first = _LINE.match(text)
    last = text[max(text.rfind(b"\n"), text.rfind(b"\r")) + 1 :]
    count, rest = divmod(values.size, columns) if columns else (0, 1)
    if count == 0 or first is None or len(first[0].split()) != columns:
        return None
    if len(last.split()) != (rest or columns):
        return None
    left_out = f"a last row of {rest} values instead of {columns}" if rest else ""
    return Rows(values[: count * columns].reshape(count, columns), left_out)


def _up_to_junk(text: bytes, columns: int, source: str) -> Rows:
    """Line by line up to the first that is no frame, if no frame comes soon after it."""
    lines = (line[0] for line in _LINE.finditer(text) if line[0].strip())
    found, bad = [], b""
    for bad in lines:
        row = _row(bad, columns)
        if row is None:
            break
        found.append(row)
    if not found:
        raise InputError(
            f"{source}: the first frame has {len(bad.split())} values, the hierarchy needs "
            f"{columns}, all of them numbers; the file is cut or damaged"
        )
    shown = bad[:_SHOWN].decode("ascii", "replace")
    if any(_row(line, columns) is not None for line in itertools.islice(lines, _SOON)):
        raise InputError(
            f"{source}: frame {len(found) + 1} has not the {columns} numbers that the hierarchy "
            f"needs, but '{shown}'; the file is damaged"
        )
    return Rows(np.stack(found), f"what follows the last whole row ('{shown}')")


def _row(line: bytes, columns: int) -> np.ndarray | None:
    words = line.split()
    if len(words) != columns:
        return None
    try:
        return np.array(words, dtype=np.float64)
    except ValueError:
        return None
