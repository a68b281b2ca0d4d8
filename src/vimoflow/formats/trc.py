"""TRC, the markers' table of Motion Analysis and OpenSim: one at each joint and COCO point."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vimoflow.errors import InputError
from vimoflow.files import output_errors, write_text
from vimoflow.formats.file_space import FileSpace
from vimoflow.formats.markers import METRES, Markers, markers_of
from vimoflow.formats.takes import damaged, even_clock, read_file
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times

_USUAL = FileSpace("y", "mm")  # as OpenSim has it
_HEADER = 5  # lines


def write_trc(motion: Motion, path: str | Path, space: FileSpace = _USUAL) -> None:
    """Write markers at the motion's joints and COCO points; an uneven clock is resampled evenly.

    TRC does not say which axis is up: OpenSim takes it to be +Y.

    Raises:
        OutputError: the file cannot be written.
    """
    motion, path = at_even_times(motion), Path(path)
    names, places = markers_of(motion)
    rate, frames = f"{motion.fps:.10g}", len(motion)
    axes = [f"{axis}{k + 1}" for k in range(len(names)) for axis in "XYZ"]
    lines = [
        ["PathFileType", "4", "(X/Y/Z)", path.name],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate",
         "OrigDataStartFrame", "OrigNumFrames"],
        [rate, rate, str(frames), str(len(names)), space.unit, rate, "1", str(frames)],
        ["Frame#", "Time", *(cell for name in names for cell in (name, "", ""))],
        ["", "", *axes],
    ]  # fmt: skip
    digits = 3 if space.unit == "mm" else 6
    row = "%d\t%.6f\t" + "\t".join([f"%.{digits}f"] * len(axes))
    values = space.points(places).reshape(frames, -1).tolist()
    rows = [row % (k + 1, k / motion.fps, *line) for k, line in enumerate(values)]
    text = "\n".join([*("\t".join(line) for line in lines), "", *rows, ""])
    with output_errors(path):
        write_text(path, text)


def read_trc(path: str | Path) -> Markers:
    """The markers of a file; cells without a number are markers that were not seen.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(path)
    with damaged(path, "TRC", ValueError, IndexError, KeyError, OverflowError):
        text = read_file(path).decode("utf-8-sig")
        if not text.startswith("PathFileType"):
            raise InputError(f"{path}: not a TRC file")
        lines = [line.rstrip("\r").split("\t") for line in text.split("\n")]
        header = dict(zip(lines[1], lines[2], strict=False))
        names = tuple(name.strip() for name in lines[3][2::3] if name.strip())
        unit, rate = header.get("Units", "mm").strip().lower(), float(header["DataRate"])
        width = 2 + 3 * len(names)
        body = [line for line in lines[_HEADER:] if line[0].strip()]
        cells = [[*line, *[""] * width][:width] for line in body]
        table = np.array([[float(c) if c.strip() else np.nan for c in row] for row in cells])
        if unit not in METRES or not names or not len(table):
            raise InputError(f"{path}: holds no frames, or no markers in mm, cm or m")
        places = table[:, 2:].reshape(len(table), -1, 3) * METRES[unit]
    if not 0 < rate < 1e4 or not np.isfinite(table[:, 1]).all():
        raise InputError(f"{path}: its rate or its times make no sense")
    return Markers(names, places, even_clock(table[:, 1], rate))
