"""Decimal numbers in text to doubles, by simdjson.

A text of numbers is a JSON array but for its brackets and commas. simdjson reads that at several
times the speed of numpy's own parsers, and every number correctly rounded, as Python does
(G. Langdale and D. Lemire, "Parsing gigabytes of JSON per second", 2019).
"""

from __future__ import annotations

import numpy as np
import simdjson
from jaxtyping import Float

_BLOCK = 1 << 17  # characters at a time; simdjson's working memory is some twenty times as large
_AFTER_LAST = np.frombuffer(b" 0]", dtype=np.uint8)  # the 0 takes the comma after the last word


def parse_numbers(text: bytes, start: int = 0) -> Float[np.ndarray, " numbers"]:
    """All numbers of a text from ``start`` on; each is what ``float`` reads.

    Blanks and line ends separate them.

    Raises:
        ValueError: a word is no number.
    """
    parser, parts = simdjson.Parser(), [np.zeros(0)]
    while start < len(text):
        end = min(start + _BLOCK, len(text))
        while end < len(text) and text[end] > 32:  # cut between words
            end += 1
        parts.append(_parse_block(text, start, end, parser))
        start = end
    return np.concatenate(parts)


def _parse_block(text: bytes, start: int, end: int, parser: simdjson.Parser) -> np.ndarray:
    # What JSON would read as something else than a word that is no number.
    if text.find(b",", start, end) < 0 and text.find(b"[", start, end) < 0:
        try:
            document = parser.parse(_as_json(text, start, end).data)
            assert isinstance(document, simdjson.Array)
            return np.frombuffer(document.as_buffer(of_type="d"))[:-1]
        except (ValueError, TypeError, RuntimeError):
            pass  # most likely a number that JSON does not know, such as +1, .5 or 2.
    return np.array(text[start:end].split(), dtype=np.float64)


def _as_json(text: bytes, start: int, end: int) -> np.ndarray:
    """The array of numbers: a comma in place of the first blank after each word."""
    chars = np.empty(end - start + 4, dtype=np.uint8)
    chars[0], chars[-3:] = ord("["), _AFTER_LAST
    chars[1:-3] = np.frombuffer(text, np.uint8, end - start, start)
    blank = chars <= 32
    blank[0] = True  # no comma after the bracket
    word_ends = (blank[1:] > blank[:-1]).view(np.uint8)
    np.maximum(chars[1:], word_ends * np.uint8(ord(",")), out=chars[1:])  # blanks are smaller
    return chars
