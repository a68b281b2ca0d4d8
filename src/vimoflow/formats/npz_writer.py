"""Writes npz files that are the same bytes for the same arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vimoflow.files import output_errors, replacing

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_npz(target: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a motion's arrays, compressed; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with (
        output_errors(target),
        replacing(target) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for key, array in arrays.items():
            # A fixed date and system, because zip entries otherwise carry the clock.
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=_ZIP_EPOCH)
            entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
