"""Calibrations of a user's own cameras: Pose2Sim and anipose TOML, OpenCV YAML, AIST++ JSON.

All say the same: intrinsics in pixels, OpenCV's distortion, and rotation and translation that take
world points into the camera's frame. They differ in the world's unit and up direction, which no
file states; :meth:`Calibration.in_metres` converts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from lab.calibrated.triangulation import CalibratedCameras
from vimoflow.errors import ConfigError, InputError
from vimoflow.geometry.rotations import axis_angle_to_matrix

_MAX_BYTES = 1 << 22
# Rotations that take each world's up direction to +Y.
_TO_Y_UP: dict[str, list[list[float]]] = {
    "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "-y": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}
# Names that fields go by: (OpenCV's samples, stereo and EasyMocap spellings).
_MATRIX = ("camera_matrix", "cameraMatrix", "K", "M", "intrinsic_matrix", "matrix")
_DISTORTION = (
    "distortion_coefficients", "dist_coeffs", "distCoeffs", "dist", "D", "distortions",
)  # fmt: skip
_ROTATION = ("Rot", "R", "rotation_matrix", "rotation", "rvec")
_TRANSLATION = ("T", "t", "tvec", "translation", "translation_vector")


@dataclass(frozen=True)
class Calibration:
    """Named cameras in the calibration's own world.

    Attributes:
        names: of the cameras, in the file's order.
        cameras: one view a name.
        sizes: (width, height) in pixels of the calibrated images, where the file says.
    """

    names: tuple[str, ...]
    cameras: CalibratedCameras
    sizes: tuple[tuple[int, int] | None, ...]

    def in_metres(self, metres_per_unit: float = 1.0, up: str = "y") -> Calibration:
        """The same cameras in a world in metres with +Y up.

        Raises:
            ConfigError: a unit that is not positive, or an unknown up direction.
        """
        if not 0 < metres_per_unit < np.inf:
            raise ConfigError(f"a unit of {metres_per_unit} m makes no sense")
        if up not in _TO_Y_UP:
            raise ConfigError(f"the world's up is one of {', '.join(_TO_Y_UP)}, not {up!r}")
        turn = torch.tensor(_TO_Y_UP[up], dtype=torch.float64)
        cameras = dataclasses.replace(
            self.cameras,
            R_camera_world=self.cameras.R_camera_world @ turn.T,
            t_camera_world=self.cameras.t_camera_world * metres_per_unit,
        )
        return dataclasses.replace(self, cameras=cameras)

    def select(self, names: tuple[str, ...]) -> Calibration:
        """The named cameras, in that order."""
        rows = [self.names.index(name) for name in names]
        cameras = CalibratedCameras(
            *(getattr(self.cameras, f.name)[rows] for f in dataclasses.fields(self.cameras))
        )
        return Calibration(names, cameras, tuple(self.sizes[i] for i in rows))


@dataclass(frozen=True)
class _View:
    name: str
    matrix: Float[np.ndarray, "3 3"]
    distortion: Float[np.ndarray, "8"]
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]
    size: tuple[int, int] | None


def read_calibration(path: str | Path) -> Calibration:
    """Cameras of a calibration file, read by its ending: .toml, .yml/.yaml, .json.

    TOML has one table a camera (Pose2Sim, anipose). YAML is OpenCV's: all cameras in one file
    with names as suffixes (``K_cam1``, ``dist_cam1``, ``Rot_cam1`` or ``R_cam1``, ``T_cam1``: the
    two files of EasyMocap put together), or OpenCV's stereo calibration (``M1``, ``D1``, ``M2``,
    ``D2``, ``R``, ``T``). A folder holds one YAML file a camera. JSON is AIST++'s camera setting.

    Raises:
        InputError: missing, damaged or of another format; a fisheye lens; fewer than two cameras.
        ConfigError: YAML without OpenCV installed.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in (".yml", ".yaml"))
        views = [_view(file.stem, _opencv_fields(file), file) for file in files]
    elif not path.is_file():
        raise InputError(f"{path}: no such calibration file")
    elif path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path}: is too large to be a calibration")
    elif path.suffix.lower() == ".toml":
        views = _toml_views(path)
    elif path.suffix.lower() in (".yml", ".yaml"):
        views = _yaml_views(path)
    elif path.suffix.lower() == ".json":
        views = _aist_views(path)
    else:
        raise InputError(f"{path}: a calibration ends in .toml, .yml, .yaml or .json")
    if len(views) < 2:
        raise InputError(f"{path}: holds {len(views)} cameras; at least 2 are needed")
    return Calibration(
        tuple(view.name for view in views),
        CalibratedCameras(
            *(
                torch.from_numpy(np.stack([getattr(view, field) for view in views]))
                for field in ("matrix", "distortion", "rotation", "translation")
            )
        ),
        tuple(view.size for view in views),
    )


def _toml_views(path: Path) -> list[_View]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[import-not-found,no-redef,unused-ignore]
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as TOML ({reason})") from error
    views = []
    for key, table in tables.items():
        if isinstance(table, dict) and "matrix" in table:
            if table.get("fisheye"):
                raise InputError(f"{path}: camera '{key}' is a fisheye, which cannot be used")
            views.append(_view(str(table.get("name", key)), table, path))
    return views


def _aist_views(path: Path) -> list[_View]:
    from lab.corpora.aistpp_files import read_cameras

    return [
        _View(
            c.name, c.matrix, _padded(c.distortion, c.name, path),
            axis_angle_to_matrix(torch.from_numpy(c.rotation)).numpy(), c.translation, c.size,
        )
        for c in read_cameras(path)
    ]  # fmt: skip


def _yaml_views(path: Path) -> list[_View]:
    fields = _opencv_fields(path)
    if any(f"{name}2" in fields for name in _MATRIX):
        first = {f"{name}": fields[f"{name}1"] for name in _MATRIX + _DISTORTION
                 if f"{name}1" in fields}  # fmt: skip
        second = {f"{name}": fields[f"{name}2"] for name in _MATRIX + _DISTORTION
                  if f"{name}2" in fields}  # fmt: skip
        here = {"R": np.eye(3), "T": np.zeros(3)}
        there = {k: v for k, v in fields.items() if k in _ROTATION + _TRANSLATION}
        return [_view("1", first | here, path), _view("2", second | there, path)]
    names = [
        key.removeprefix(f"{prefix}_")
        for prefix in _MATRIX
        for key in fields
        if key.startswith(f"{prefix}_") and key not in _MATRIX
    ]
    return [
        _view(
            name,
            {k.removesuffix(f"_{name}"): v for k, v in fields.items() if k.endswith(f"_{name}")},
            path,
        )
        for name in names
    ]


def _opencv_fields(path: Path) -> dict[str, Any]:
    """Matrices and numbers of an OpenCV file, by name."""
    try:
        import cv2
    except ImportError as error:
        raise ConfigError(
            f"{path}: reading OpenCV's YAML needs OpenCV ({error}); "
            "run: pip install opencv-python-headless"
        ) from error
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        root = storage.root()
        fields = {key: _opencv_value(root.getNode(key)) for key in root.keys()}  # noqa: SIM118
        storage.release()
    except (cv2.error, UnicodeDecodeError, SystemError) as error:
        raise InputError(f"{path}: not an OpenCV YAML file") from error
    if not fields:
        raise InputError(f"{path}: not an OpenCV YAML file, or empty")
    return fields


def _opencv_value(node: Any) -> Any:
    if node.isMap():
        return node.mat()
    if node.isSeq():
        return [node.at(i).real() for i in range(node.size()) if node.at(i).isReal()
                or node.at(i).isInt()]  # fmt: skip
    return node.real() if node.isReal() or node.isInt() else node.string()


def _view(name: str, fields: Mapping[str, Any], path: Path) -> _View:
    """One camera from fields of any known spelling."""
    matrix = _numbers(fields, _MATRIX, (9,), name, path).reshape(3, 3)
    rotation = _numbers(fields, _ROTATION, (3, 9), name, path)
    translation = _numbers(fields, _TRANSLATION, (3,), name, path)
    distortion = np.zeros(0)
    if any(key in fields for key in _DISTORTION):
        distortion = _numbers(fields, _DISTORTION, (0, 4, 5, 8, 12, 14), name, path)
    if rotation.size == 3:
        R = axis_angle_to_matrix(torch.from_numpy(rotation)).numpy()
    else:
        R = rotation.reshape(3, 3)
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0 or abs(matrix[2, 2] - 1) > 1e-6:
        raise InputError(f"{path}: camera '{name}' has no valid camera matrix")
    if np.abs(R @ R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(R) < 0:
        raise InputError(f"{path}: camera '{name}' has a rotation that is none")
    return _View(name, matrix, _padded(distortion, name, path), R, translation, _size(fields))


def _size(fields: Mapping[str, Any]) -> tuple[int, int] | None:
    try:
        if "size" in fields:
            width, height = fields["size"]
        else:
            width, height = fields["image_width"], fields["image_height"]
        return int(width), int(height)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _numbers(
    fields: Mapping[str, Any],
    spellings: tuple[str, ...],
    counts: tuple[int, ...],
    name: str,
    path: Path,
) -> Float[np.ndarray, " n"]:
    found = next((fields[key] for key in spellings if key in fields), None)
    if found is None:
        raise InputError(f"{path}: camera '{name}' has no '{spellings[0]}'")
    try:
        values = np.asarray(found, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: camera '{name}': '{spellings[0]}' is no matrix") from error
    if values.size not in counts or not np.isfinite(values).all():
        raise InputError(
            f"{path}: camera '{name}': '{spellings[0]}' holds {values.size} numbers, not "
            f"{' or '.join(map(str, counts))} finite ones"
        )
    return values


def _padded(distortion: np.ndarray, name: str, path: Path) -> Float[np.ndarray, "8"]:
    """OpenCV's coefficients; those of thin prisms and tilted sensors are beyond this program."""
    if np.any(distortion[8:] != 0):
        raise InputError(
            f"{path}: camera '{name}' has a thin-prism or tilted lens model; calibrate with at "
            "most 8 distortion coefficients"
        )
    return np.concatenate((distortion[:8], np.zeros(8)))[:8].astype(np.float64)
