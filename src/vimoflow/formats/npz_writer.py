"""Writes npz files that are the same bytes for the same arrays."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vimoflow.errors import OutputError

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_npz(target: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a motion's arrays, compressed; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, array in arrays.items():
                # A fixed date and system, because zip entries otherwise carry the clock.
                entry = zipfile.ZipInfo(f"{key}.npy", date_time=_ZIP_EPOCH)
                entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
                with archive.open(entry, "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, array, allow_pickle=False)
        os.replace(partial, target)
    except OSError as error:
        raise OutputError(f"{target}: cannot write the motion ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
