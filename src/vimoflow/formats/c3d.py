"""C3D: markers at joints and COCO points, by ezc3d."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from vimoflow.errors import ConfigError, InputError
from vimoflow.files import output_errors, replacing
from vimoflow.formats.file_space import FileSpace
from vimoflow.formats.markers import METRES, Markers, markers_of
from vimoflow.formats.takes import damaged, read_file
from vimoflow.installation import install_command
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times

_USUAL = FileSpace("z", "mm")  # as laboratories have it
_SCREENS = {"y": "+Y", "z": "+Z"}


def write_c3d(motion: Motion, path: str | Path, space: FileSpace = _USUAL) -> None:
    """Write markers at the motion's joints and COCO points; an uneven clock is resampled evenly.

    Raises:
        ConfigError: the extra ``c3d`` is not installed.
        OutputError: the file cannot be written.
    """
    require_ezc3d()
    import ezc3d

    motion, path = at_even_times(motion), Path(path)
    names, places = markers_of(motion)
    file = ezc3d.c3d()
    point = file["parameters"]["POINT"]
    point["RATE"]["value"], point["UNITS"]["value"] = [motion.fps], [space.unit]
    point["LABELS"]["value"] = names
    for name, screen in (("X_SCREEN", "+X"), ("Y_SCREEN", _SCREENS[space.up])):
        file.add_parameter("POINT", name, [screen])
    values = np.ones((4, len(names), len(motion)))
    values[:3] = space.points(places).transpose(2, 1, 0)
    file["data"]["points"] = values
    with output_errors(path), replacing(path) as partial:
        try:
            file.write(str(partial))
        except RuntimeError as error:
            raise OSError(str(error)) from error


def require_ezc3d() -> None:
    """Raise ``ConfigError`` where the extra ``c3d`` is not installed."""
    try:
        import ezc3d  # noqa: F401
    except ImportError:
        raise ConfigError(f"C3D needs ezc3d: {install_command('c3d')}") from None


def read_c3d(path: str | Path) -> Markers:
    """The markers of a file.

    Raises:
        ConfigError: the extra ``c3d`` is not installed.
        InputError: the file is damaged.
    """
    require_ezc3d()
    import ezc3d

    path = Path(path)
    _check(read_file(path), path)
    with damaged(path, "C3D", RuntimeError, ValueError, IndexError, KeyError, TypeError):
        file = ezc3d.c3d(str(path))
        point = file["parameters"]["POINT"]
        places = np.array(file["data"]["points"], np.float64)[:3].transpose(2, 1, 0)
        names = tuple(str(label) for label in point["LABELS"]["value"])[: places.shape[1]]
        rate = float(point["RATE"]["value"][0])
        unit = (*point["UNITS"]["value"], "mm")[0].strip().lower() if "UNITS" in point else "mm"
        screen = point["Y_SCREEN"]["value"][0] if "Y_SCREEN" in point else ""
    if len(names) < places.shape[1] or unit not in METRES or not 0 < rate < 1e4:
        raise InputError(f"{path}: its markers, their unit '{unit[:10]}' or rate make no sense")
    up = next((axis for axis, sign in _SCREENS.items() if sign == screen.strip()), None)
    times = np.arange(len(places)) / rate
    return Markers(names, places * METRES[unit], times, up)


def _check(data: bytes, path: Path) -> None:
    """Refuse a header that declares more than the file holds, before memory is taken for it."""
    if len(data) < 1024 or data[1] != 0x50:
        raise InputError(f"{path}: not a C3D file")
    points, analog, first, last = struct.unpack_from("<4H", data, 2)
    scale = struct.unpack_from("<f", data, 12)[0]
    size = 4 if scale < 0 else 2
    if not 0 < points <= 2000 or (last - first + 1) * (4 * points + analog) * size > len(data):
        raise InputError(f"{path}: declares more frames or markers than it holds")
