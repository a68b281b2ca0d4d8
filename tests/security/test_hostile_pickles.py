"""Pickles that run code or take memory: refused in one line, and nothing happens."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimoflow.errors import InputError
from vimoflow.pickles import load


class Call:
    """Pickles to a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def text_call(module: str, name: str, argument: str) -> bytes:
    """A pickle of protocol 0 that calls ``module.name(argument)``."""
    return f"c{module}\n{name}\n(S'{argument}'\ntR.".encode()


MARK = "ran"
CODE = f"open({MARK!r}, 'w')"
ARRAY = np.arange(6.0)
OBJECTS = np.array([{"a": 1}, None], dtype=object)
HOSTILE = {
    "os.system": pickle.dumps({"a": Call(os.system, f"touch {MARK}")}),
    "builtins.eval": pickle.dumps({"a": Call(eval, CODE)}),
    "builtins.exec": pickle.dumps({"a": Call(exec, CODE)}, protocol=0),
    "getattr": pickle.dumps({"a": Call(getattr, "x", "upper")}),
    "posix.system, protocol 0": text_call("posix", "system", f"touch {MARK}"),
    "python 2's eval": text_call("__builtin__", "eval", CODE.replace("'", '"')),
    "numpy's own exec": text_call("numpy.testing._private.utils", "runstring", CODE[:4]),
    "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__class__.x\x93.",
    "INST": f"(S'touch {MARK}'\niposix\nsystem\n.".encode(),
    "OBJ": f"(cposix\nsystem\nS'touch {MARK}'\no.".encode(),
    "NEWOBJ": b"\x80\x02cbuiltins\nobject\n)\x81.",
    "objects in an array": pickle.dumps({"a": OBJECTS}),
    "an array that is a call": pickle.dumps({"a": np.array([Call(eval, CODE)], dtype=object)}),
    "ndarray called for its memory": b"cnumpy\nndarray\n((I100000000000\nttR.",
    "a dtype of objects": b"cnumpy\ndtype\n(S'O8'\ntR.",
    "a dtype of a gigabyte": b"cnumpy\ndtype\n(S'V1000000000'\ntR.",
    "numbers said to be objects": pickle.dumps({"a": ARRAY}).replace(
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t",
        b"(K\x01tNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ft",
    ),
    "a function's state": b"c_codecs\nencode\n}S'a'\nS'b'\nsb.",
    "a function for a value": b"(dS'a'\nc_codecs\nencode\ns.",
    "a codec": b"c_codecs\ndecode\n(S'x'\nS'zip'\ntR.",
    "extension registry": b"\x80\x02\x82\x01.",
    "persistent object": b"Pid\n.",
    "memo of gigabytes": b"\x80\x02}r" + struct.pack("<I", 500_000_000) + b".",
    "text memo of gigabytes": b"}p500000000\n.",
    "bytes of a terabyte": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
    "array larger than its bytes": pickle.dumps({"a": ARRAY}).replace(b"K\x06\x85", b"K\x60\x85"),
    "cut": pickle.dumps({"a": ARRAY})[:-20],
    "not a dictionary": pickle.dumps([1, 2]),
    "empty": b"",
    "text": b"hello world",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_is_refused_in_one_line_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"hostile\.pkl") as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / MARK).exists()


def test_the_gadgets_do_run_where_nothing_stops_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the tests above would prove nothing."""
    for name in ("os.system", "builtins.eval", "posix.system, protocol 0", "INST", "OBJ"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        pickle.loads(HOSTILE[name])
        assert (folder / MARK).exists(), name


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
def test_plain_arrays_come_through(tmp_path: Path, protocol: int, order: Any) -> None:
    data = {
        "double": np.array(np.random.default_rng(0).normal(size=(4, 3, 2)), order=order),
        "single": np.float32([[1, 2], [3, 4]]),
        "big-endian": np.arange(3, dtype=">i4"),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 3)),
        "scalar": np.float64(90.5),
        "number": 3,
        "text": "gBR",
        "list": [np.arange(2), (1.5, None)],
    }
    path = tmp_path / "plain.pkl"
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    found, plain = load(path), pickle.loads(path.read_bytes())
    for name in ("double", "single", "big-endian", "flags", "empty", "scalar"):
        np.testing.assert_array_equal(found[name], data[name])
        assert found[name].dtype == plain[name].dtype.newbyteorder("=")
    assert (found["number"], found["text"], found["list"][1]) == (3, "gBR", (1.5, None))


def test_flags_of_a_type_are_not_believed(tmp_path: Path) -> None:
    """A dtype told that its numbers are objects would take them for pointers."""
    content = pickle.dumps({"a": ARRAY})
    state = b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK"
    assert content.count(state + b"\x00t") == 1
    path = tmp_path / "flags.pkl"
    path.write_bytes(content.replace(state + b"\x00t", state + b"\x3ft"))
    found = load(path)["a"]
    np.testing.assert_array_equal(found, ARRAY)
    assert found.dtype == np.dtype(float) and not found.dtype.hasobject


def test_what_is_shared_stays_shared(tmp_path: Path) -> None:
    """Forty lists, each twice in the next, are forty lists, not 2^40."""
    inner: list[Any] = [ARRAY]
    for _ in range(40):
        inner = [inner, inner]
    path = tmp_path / "shared.pkl"
    path.write_bytes(pickle.dumps({"a": inner, "b": (ARRAY, ARRAY)}))
    found = load(path)
    assert found["a"][0] is found["a"][1]
    assert found["b"][0] is found["b"][1]
