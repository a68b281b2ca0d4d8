"""Pickles of plain numpy arrays from people nobody vouches for.

Three fences: the opcodes are walked without being run, for what would take memory out of all
proportion; a class or function comes from a short list or not at all; and what the list gives are
stand-ins. numpy's own objects never see the file's state, because a dtype believes whatever flags
it reads, such as that its numbers are pointers to objects.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign

_MAX_BYTES = 256 << 20
_DTYPE = re.compile(r"[<>=|]?([fiu][1248]|b1|S\d{1,4}|U\d{1,4})")


def load(path: Path) -> dict[Any, Any]:
    """The dictionary that a pickle of arrays, numbers, texts and containers of these holds.

    Raises:
        InputError: the file is missing, too large, cut, no pickle of a dictionary, or asks for
            anything else to be built or run.
    """
    refuse_foreign(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES >> 20} MiB, too large for a pickle")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        _check_opcodes(content)
        data = _plain(_ArrayUnpickler(io.BytesIO(content)).load(), {})
    except Exception as error:  # a hostile or cut pickle can raise anything at all
        reason = " ".join(str(error).split())[:200]  # some of pickle's messages have two lines
        raise InputError(f"{path}: not a plain pickle of arrays ({reason})") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: the pickle holds no dictionary")
    return data


def array_field(
    data: dict[str, Any], key: str, path: Path, shape: tuple[int, ...]
) -> Float[np.ndarray, "..."]:
    """``data[key]`` as float64, its trailing axes checked against ``shape``.

    Raises:
        InputError: it is missing, is no array of numbers, or has another shape.
    """
    value = data.get(key)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise InputError(f"{path}: field '{key}' is missing or is not a numeric array")
    if value.shape[value.ndim - len(shape) :] != shape:
        raise InputError(f"{path}: field '{key}' has shape {value.shape}, expected (..., {shape})")
    return value.astype(np.float64)


def _check_opcodes(content: bytes) -> None:
    """Refuse what is cut, and memo numbers for which the unpickler would take gigabytes."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("LONG_BINPUT", "PUT") and int(argument or 0) > len(content):
            raise pickle.UnpicklingError(f"the memo number {argument} is absurd")
        if opcode.name.startswith("EXT"):  # looked up in a registry, past find_class
            raise pickle.UnpicklingError("extension codes are not allowed")


class _Dtype:
    """Stands for a dtype of numbers or texts."""

    def __init__(self, code: str, align: bool | int = False, copy: bool | int = True) -> None:
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise pickle.UnpicklingError("only arrays of numbers are allowed")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order, *structure = state[1:5]
        if order not in ("<", ">", "|", "=") or structure != [None] * 3:
            raise pickle.UnpicklingError("only arrays of numbers are allowed")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands for an array; its state follows its creation."""

    array = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, content = state
        self.fill(content, dtype, shape, "F" if fortran else "C")

    def fill(self, content: Any, dtype: Any, shape: Any, order: Any) -> None:
        if not isinstance(content, (bytes, bytearray)) or not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("only arrays of numbers are allowed")
        if math.prod(shape) * dtype.dtype.itemsize != len(content):
            raise pickle.UnpicklingError("an array is not as large as it claims")
        found: np.ndarray = np.ndarray(shape, dtype.dtype, content, order=order)
        self.array = found.astype(dtype.dtype.newbyteorder("="))  # a copy


class _StandIn:
    """A function that the file may call, but not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a function's state is not for the file to set")


def _from_buffer(content: object, dtype: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.fill(content, dtype, shape, order)
    return array


def _scalar(dtype: object, content: object) -> Any:
    return _from_buffer(content, dtype, (), "C").array[()]


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


def _no_arguments(result: Callable[[], Any]) -> Callable[..., Any]:
    return lambda *arguments: result()


def _plain(value: Any, done: dict[int, tuple[Any, Any]]) -> Any:
    """The value with arrays in place of their stand-ins; ``done`` holds containers met before."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, (_Dtype, _StandIn)):
        raise pickle.UnpicklingError("holds a type or a function")
    if not isinstance(value, (dict, list, tuple)):
        return value
    if id(value) not in done:
        done[id(value)] = (value, value)
        if isinstance(value, dict):
            value.update({key: _plain(inner, done) for key, inner in value.items()})
        elif isinstance(value, list):
            value[:] = [_plain(inner, done) for inner in value]
        else:
            done[id(value)] = (value, tuple(_plain(inner, done) for inner in value))
    return done[id(value)][1]


_FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _no_arguments(_Array),
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
    ("builtins", "bytes"): _no_arguments(bytes),  # protocols up to 2 call it for an empty one
}


def _refuse(*arguments: Any) -> Any:
    raise pickle.UnpicklingError("numpy.ndarray is not to be called")


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy", "ndarray"):  # named by every array, called by none
            return _StandIn(_refuse)
        key = module.replace("numpy._core.", "numpy.core.").replace("__builtin__", "builtins"), name
        if key not in _FUNCTIONS:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return _StandIn(_FUNCTIONS[key])
