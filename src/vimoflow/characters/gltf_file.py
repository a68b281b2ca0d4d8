"""glTF 2.0 as it stands: its JSON, its bytes, and arrays out of them; nothing is fetched.

GLB and VRM hold their bytes; ``.gltf`` names files beside it, or has them as base64. Whatever is
in the JSON beside what is asked for (extensions, extras) stays as it is.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from vimoflow.errors import InputError

MAX_BYTES = 1 << 30
_MAX_ROWS = 1 << 26
_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True)
class GltfFile:
    """A glTF file and all the bytes that it names.

    Attributes:
        path: of the file.
        document: its JSON.
        buffers: the bytes of each buffer, as long as the JSON says at least.
    """

    path: Path
    document: dict[str, Any]
    buffers: tuple[bytes, ...]

    def items(self, key: str) -> list[dict[str, Any]]:
        """A list of objects of the document, such as its nodes; empty if it has none."""
        found = self.document.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self.error(f"'{key}' is no list of objects")
        return found

    def item(self, key: str, index: object) -> dict[str, Any]:
        """One object of such a list."""
        return self.items(key)[self.index(index, len(self.items(key)), f"'{key}'")]

    def index(self, value: object, count: int, what: str) -> int:
        """A number that counts into a list of ``count``."""
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
            raise self.error(f"a reference into {what} points nowhere")
        return value

    def error(self, what: str) -> InputError:
        """What is wrong with the file."""
        return InputError(f"{self.path}: damaged glTF: {what}")

    def array(self, index: object) -> np.ndarray:
        """An accessor's rows, (count, width); normalised integers as floats.

        Raises:
            InputError: it lies outside its buffer, or its kind is unknown.
        """
        accessor = self.item("accessors", index)
        count, kind = _count(accessor.get("count")), str(accessor.get("type"))
        dtype = _TYPES.get(_count(accessor.get("componentType")) or 0)
        if count is None or not 0 < count <= _MAX_ROWS or kind not in _WIDTHS or dtype is None:
            raise self.error(f"accessor {index} has no known type or count")
        width = _WIDTHS[kind]
        if "bufferView" in accessor:
            rows = self._rows(accessor, np.dtype(dtype), count, width).copy()
        elif count * width > len(self.document.get("accessors", [])) + MAX_BYTES // 64:
            raise self.error(f"accessor {index} has {count} rows of nothing")
        else:
            rows = np.zeros((count, width), dtype)
        if isinstance(sparse := accessor.get("sparse"), dict):
            self._overlay(rows, sparse)
        if accessor.get("normalized") is True and rows.dtype.kind != "f":
            return np.maximum(rows / float(np.iinfo(rows.dtype).max), -1.0)
        return rows

    def _overlay(self, rows: np.ndarray, sparse: dict[str, Any]) -> None:
        """Rows that a sparse accessor states one by one."""
        where, values = sparse.get("indices"), sparse.get("values")
        count = _count(sparse.get("count"))
        if not isinstance(where, dict) or not isinstance(values, dict) or count is None:
            raise self.error("a sparse accessor lacks its values")
        dtype = _TYPES.get(_count(where.get("componentType")) or 0, "<f4")
        if np.dtype(dtype).kind != "u" or not 0 < count <= len(rows):
            raise self.error("a sparse accessor's indices are of no known kind")
        at = self._rows(where, np.dtype(dtype), count, 1)[:, 0].astype(np.int64)
        if at.max() >= len(rows):
            raise self.error("a sparse accessor points past its end")
        rows[at] = self._rows(values, rows.dtype, count, rows.shape[1])

    def _rows(
        self, place: dict[str, Any], dtype: np.dtype[Any], count: int, width: int
    ) -> np.ndarray:
        view = self.item("bufferViews", place.get("bufferView"))
        buffer = self.buffers[self.index(view.get("buffer"), len(self.buffers), "the buffers")]
        first, begin = (_count(one.get("byteOffset", 0)) for one in (place, view))
        stride = _count(view.get("byteStride", width * dtype.itemsize))
        if first is None or begin is None or stride is None or stride < width * dtype.itemsize:
            raise self.error("a buffer view has no sensible place")
        end = begin + first + (count - 1) * stride + width * dtype.itemsize
        if end > len(buffer):
            raise self.error("it is cut: an array lies outside its buffer")
        return np.ndarray((count, width), dtype, buffer, begin + first, (stride, dtype.itemsize))


def _count(value: object) -> int | None:
    ok = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40
    return int(value) if ok else None  # type: ignore[call-overload]


def read_gltf(path: str | Path) -> GltfFile:
    """Read ``.glb``, ``.vrm`` or ``.gltf``.

    Raises:
        InputError: missing, too large, not glTF 2.0, cut, or naming files outside its folder.
    """
    path = Path(path)
    content = _content(path)
    if content[:4] == b"glTF":
        text, binary = _chunks(content, path)
    elif content.lstrip()[:1] == b"{":
        text, binary = content, None
    else:
        raise InputError(f"{path}: not glTF: it begins neither as GLB nor as JSON")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: damaged glTF: its JSON cannot be read") from None
    asset = document.get("asset") if isinstance(document, dict) else None
    version = asset.get("version") if isinstance(asset, dict) else None
    if not str(version).startswith("2."):
        raise InputError(f"{path}: not glTF 2.0, its version is {str(version)[:20]!r}")
    bare = GltfFile(path, document, ())
    needed = document.get("extensionsRequired", [])
    packed = [n for n in ("KHR_draco_mesh_compression", "EXT_meshopt_compression") if n in needed]
    if packed:
        raise InputError(f"{path}: its meshes are packed ({packed[0]}); export it without")
    buffers = [_buffer(bare, one, binary if not n else None) for n, one in
               enumerate(bare.items("buffers"))]  # fmt: skip
    return GltfFile(path, document, tuple(buffers))


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _chunks(content: bytes, path: Path) -> tuple[bytes, bytes | None]:
    """The JSON and the binary chunk of a GLB."""
    found: dict[int, bytes] = {}
    at = 12
    if len(content) < 20 or struct.unpack("<I", content[4:8])[0] != 2:
        raise InputError(f"{path}: damaged GLB: no version 2, or cut")
    while at + 8 <= len(content):
        length, kind = struct.unpack_from("<II", content, at)
        if at + 8 + length > len(content):
            raise InputError(f"{path}: damaged GLB: it is cut")
        found.setdefault(kind, content[at + 8 : at + 8 + length])
        at += 8 + length
    if _JSON not in found:
        raise InputError(f"{path}: damaged GLB: it has no JSON")
    return found[_JSON], found.get(_BIN)


def _buffer(file: GltfFile, buffer: dict[str, Any], binary: bytes | None) -> bytes:
    length = _count(buffer.get("byteLength"))
    uri = buffer.get("uri")
    content = binary if uri is None else linked_bytes(file, uri)
    if length is None or content is None or len(content) < length:
        raise file.error("it is cut: a buffer is shorter than it says")
    return content[:length]


def linked_bytes(file: GltfFile, uri: object) -> bytes:
    """What a URI stands for: base64 in place, or a file in the folder of the document.

    Raises:
        InputError: it points anywhere else, or there is no such file.
    """
    if not isinstance(uri, str):
        raise file.error("a URI is no text")
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except (binascii.Error, ValueError):
            raise file.error("base64 that cannot be read") from None
    folder = file.path.resolve().parent
    try:
        target = (folder / unquote(uri)).resolve()
        inside = target.is_relative_to(folder) and target.is_file()
    except (OSError, ValueError, RuntimeError):
        inside = False
    if not inside or ":" in uri:
        raise InputError(
            f"{file.path}: it needs '{uri[:80]}', which is no file in its folder; export it as GLB"
        )
    return _content(target)


def write_glb(document: dict[str, Any], binary: bytes) -> bytes:
    """A GLB of a document whose only buffer is ``binary``."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    parts = struct.pack("<II", len(text), _JSON) + text
    if binary:
        parts += struct.pack("<II", len(binary), _BIN) + binary
    return struct.pack("<III", _MAGIC, 2, 12 + len(parts)) + parts
