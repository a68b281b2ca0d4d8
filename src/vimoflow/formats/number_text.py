"""Decimal numbers in text to doubles, many at a time.

Eight digits are read as one 64-bit word and joined by three multiplications (D. Lemire, "Number
parsing at a gigabyte per second", 2021), for all numbers of a text at once. An integer below 2^53
divided by a power of ten is correctly rounded, so the results are exactly Python's.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_MAX_DIGITS = 15  # of integer and fraction together: stays below 2^53
_ZEROS = np.uint64(0x3030303030303030)
_HIGH_BITS = np.uint64(0x8080808080808080)
_BEYOND_NINE = np.uint64(0x7676767676767676)
# Masks that keep the last n of eight characters.
_LAST = np.array([(1 << 64) - (1 << (64 - 8 * n)) for n in range(9)], dtype=np.uint64)
_POWERS = np.array([10**n for n in range(9)], dtype=np.uint64)
_MAX_POWER = 22  # the largest power of ten that a double holds exactly
_EXACT_POWERS = np.array([10.0**n for n in range(_MAX_POWER + 1)])
_BLOCK = 1 << 17  # characters at a time, so that the work stays in the cache


def parse_numbers(text: bytes) -> Float[np.ndarray, "numbers"]:
    """All numbers of a text, separated by blanks and line ends.

    Raises:
        ValueError: a word is no number.
    """
    parts, start = [], 0
    while start < len(text):
        end = min(start + _BLOCK, len(text))
        while end < len(text) and text[end] > 32:  # cut between words
            end += 1
        parts.append(_parse_block(text[start:end]))
        start = end
    return np.concatenate(parts) if parts else np.zeros(0)


def _parse_block(text: bytes) -> np.ndarray:
    padded = b" " * 8 + text + b" "
    chars = np.frombuffer(padded, dtype=np.uint8)
    words: np.ndarray = np.ndarray(len(padded) - 7, dtype="<u8", buffer=padded, strides=(1,))
    blank = chars <= 32
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
    starts, ends = edges[0::2], edges[1::2]
    power, stops, ok = _exponents(chars, words, starts, ends)
    dots = _dots(chars, starts, stops)
    negative = chars[starts] == ord("-")
    whole = dots - starts - (negative | (chars[starts] == ord("+")))
    fraction = np.maximum(stops - dots - 1, 0)
    ok &= (whole >= 0) & (whole <= 8) & (fraction <= 8)
    ok &= (whole + fraction > 0) & (whole + fraction <= _MAX_DIGITS)
    whole, fraction = np.where(ok, whole, 0), np.where(ok, fraction, 0)
    before, ok_before = _digits(words[dots - 8], whole)
    after, ok_after = _digits(words[stops - 8], fraction)
    down = fraction - power  # the number is an integer over ten to this
    ok &= ok_before & ok_after & (down >= 0) & (down <= _MAX_POWER)
    values = (before * _POWERS[fraction] + after).astype(np.float64)
    values /= _EXACT_POWERS[np.where(ok, down, 0)]
    np.negative(values, where=negative, out=values)
    for index in np.flatnonzero(~ok):  # very long or very small numbers, and what is none
        values[index] = float(padded[starts[index] : ends[index]])
    return values


def _exponents(
    chars: np.ndarray, words: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray | int, np.ndarray, np.ndarray]:
    """Exponent of each number, where its mantissa stops, and whether the exponent is a number."""
    marks = np.flatnonzero((chars | 32) == ord("e"))
    ok = np.ones(len(starts), dtype=bool)
    if not len(marks):
        return 0, ends, ok
    index = np.searchsorted(starts, marks, side="right") - 1
    power, stops = np.zeros(len(starts), dtype=np.int64), ends.copy()
    minus = chars[marks + 1] == ord("-")
    count = ends[index] - marks - 1 - (minus | (chars[marks + 1] == ord("+")))
    sane = (count > 0) & (count <= 3)
    value, digits = _digits(words[ends[index] - 8], np.where(sane, count, 0))
    power[index] = np.where(minus, -1, 1) * value.astype(np.int64)
    stops[index] = marks
    ok[index] = sane & digits
    return power, stops, ok


def _dots(chars: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Where each word's decimal point is; its end, where it has none."""
    found = np.flatnonzero(chars == ord("."))
    if len(found) == len(starts) and (starts <= found).all() and (found < ends).all():
        return found
    dots = ends.copy()
    dots[np.searchsorted(starts, found, side="right") - 1] = found
    return dots


def _digits(words: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The integer that the last ``count`` characters of each word write, and if all are digits."""
    digits = (words ^ _ZEROS) & _LAST[count]
    ok = ((digits | (digits + _BEYOND_NINE)) & _HIGH_BITS) == 0
    pairs = (digits * np.uint64(2561)) >> np.uint64(8)
    fours = ((pairs & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)
    eights = (fours & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)
    return eights >> np.uint64(32), ok
