"""The rows of a BVH file's MOTION section: what is whole is read, whatever the header counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.formats.number_text import parse_numbers

MAX_VALUE = 1e7
_SHOWN = 40  # characters of a line in a message


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
    rows = _whole_rows(data, start, columns) or _up_to_junk(data, start, columns, source)
    values = rows.values
    if not (values.min() >= -MAX_VALUE and values.max() <= MAX_VALUE):  # false for NaN as well
        raise InputError(f"{source}: holds NaN, infinite or absurdly large values")
    return rows


def _whole_rows(data: bytes, start: int, columns: int) -> Rows | None:
    """All in one call, where every line but a cut last one has a frame; None if it is not so."""
    try:
        values = parse_numbers(data, start)
    except ValueError:
        return None
    lines = data[start:].split(maxsplit=0)  # the text without blanks at its ends
    last = lines[0].splitlines()[-1].split() if lines else []
    first = data[start:].lstrip().split(b"\n", 1)[0].replace(b"\r", b"\n").split(b"\n")[0].split()
    count, rest = divmod(values.size, columns) if columns else (0, 1)
    if count == 0 or len(first) != columns or len(last) != (rest or columns):
        return None
    left_out = f"a last row of {rest} values instead of {columns}" if rest else ""
    return Rows(values[: count * columns].reshape(count, columns), left_out)


def _up_to_junk(data: bytes, start: int, columns: int, source: str) -> Rows:
    """Line by line up to the first that is no frame, if no frame comes after it."""
    lines = [line for line in data[start:].splitlines() if line.strip()]
    whole = [_row(line, columns) for line in lines]
    count = next((i for i, row in enumerate(whole) if row is None), len(whole))
    if count == 0:
        found = len(lines[0].split()) if lines else 0
        raise InputError(
            f"{source}: the first frame has {found} values, the hierarchy needs {columns}; "
            "the file is cut or damaged"
        )
    if any(row is not None for row in whole[count:]):
        shown = lines[count][:_SHOWN].decode("ascii", "replace")
        raise InputError(
            f"{source}: frame {count + 1} has not the {columns} numbers that the hierarchy needs, "
            f"but '{shown}'; the file is damaged"
        )
    values = np.stack([row for row in whole[:count] if row is not None])
    shown = lines[count][:_SHOWN].decode("ascii", "replace")
    return Rows(values, f"what follows the last whole row ('{shown}')")


def _row(line: bytes, columns: int) -> np.ndarray | None:
    words = line.split()
    if len(words) != columns:
        return None
    try:
        return np.array(words, dtype=np.float64)
    except ValueError:
        return None
