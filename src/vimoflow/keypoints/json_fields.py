"""Fields of parsed JSON, checked by kind and range, each error naming the field."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from vimoflow.errors import InputError

_MAX_FRAME = 10**9
_DIGITS = re.compile(r"(\d{1,15})\D*$")


def frame_number(name: str) -> int | None:
    """The last number in a file name without its ending; None where there is none."""
    match = _DIGITS.search(Path(name).stem.removesuffix("_keypoints"))
    return int(match[1]) if match else None


def numbered(names: list[Any], path: Path) -> list[int]:
    """Frame numbers of images: their ids, the numbers in their names, or their order."""
    if all(isinstance(name, int) for name in names):
        return [whole(name, "image_id", path) for name in names]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: 'image_id' is neither always a name nor always a number")
    numbers = [frame_number(name) for name in names]
    order = {name: index for index, name in enumerate(dict.fromkeys(names))}
    distinct = {number for number in numbers if number is not None}
    if None in numbers or len(distinct) != len(order):
        return [order[name] for name in names]
    return [whole(number, "image_id", path) for number in numbers]


def identity(value: Any) -> str | None:
    if isinstance(value, list):  # AlphaPose's PoseFlow wraps it
        value = value[0] if len(value) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value)
    try:
        return str(value)[:60]
    except ValueError:  # an integer of thousands of digits
        return None


def whole(value: Any, name: str, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_FRAME:
        raise InputError(f"{path}: '{name}' is not a whole number from 0 to {_MAX_FRAME}")
    return value


def as_dict(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{path}: a person or frame is not a JSON object")
    return value


def as_list(value: Any, name: str, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{path}: '{name}' is not a list")
    return value


def field(document: dict[str, Any], name: str, path: Path) -> Any:
    if name not in document:
        raise InputError(f"{path}: has no field '{name}'")
    return document[name]
