"""Arrays out of npz and npy files nobody vouches for: nothing is unpickled or over-allocated.

What an array claims to be is compared with what its archive entry holds before memory is taken
for it, and an entry is never unpacked beyond the size that the archive declares.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign


def read_plain_npz(path: Path, names: Collection[str], max_bytes: int) -> dict[str, np.ndarray]:
    """Those of the arrays ``names`` that the file holds.

    Args:
        path: the file.
        names: keys, without ``.npy``; anything else in the archive is left alone.
        max_bytes: of all that the archive unpacks to.

    Raises:
        InputError: the file is missing, damaged or too large, holds pickled objects, or has entries
            outside its own folder.
    """
    refuse_foreign(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            _check_entries(path, entries, max_bytes)
            found = [name for name in names if f"{name}.npy" in entries]
            return {name: _read_entry(archive, entries[f"{name}.npy"]) for name in found}
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # zipfile and numpy's header reader raise many kinds
        raise InputError(f"{path}: a damaged npz file, or one with pickled objects") from error


def _check_entries(path: Path, entries: dict[str, zipfile.ZipInfo], max_bytes: int) -> None:
    if sum(entry.file_size for entry in entries.values()) > max_bytes:
        raise InputError(f"{path}: unpacks to more than {max_bytes >> 20} MiB; split it")
    outside = [name for name in entries if "/" in name or "\\" in name or ".." in name]
    if outside:
        raise InputError(f"{path}: has the entry {outside[0][:60]!r}, a path; refused")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    return _read_array(lambda: archive.open(entry), entry.file_size)


def read_plain_npy(path: Path, max_bytes: int) -> np.ndarray:
    """The array of an npy file.

    Raises:
        InputError: the file is missing, damaged or too large, or holds pickled objects.
    """
    refuse_foreign(path)
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise InputError(f"{path}: larger than {max_bytes >> 20} MiB; split it")
        return _read_array(lambda: path.open("rb"), size)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # numpy's header reader raises many kinds
        raise InputError(f"{path}: a damaged npy file, or one with pickled objects") from error


def _read_array(opened: Callable[[], Any], size: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy remarks on files written by Python 2
        with opened() as stream:
            _check_header(stream, size)
        with opened() as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
        if array.dtype.kind == "U":
            array.tolist()  # what is no text fails here, not where it is read as some
        return array


def _check_header(stream: Any, size: int) -> None:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:  # (3, 0) is for field names beyond Latin-1, which plain arrays do not have
        raise ValueError(f"version {version} of the npy format")
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != size - stream.tell():
        raise ValueError("the array is not what its header claims")
