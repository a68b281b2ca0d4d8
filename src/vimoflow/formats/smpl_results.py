"""What video-to-SMPL tools save (.pt, .pkl): read where it is plain tensors, without running code.

GVHMR saves a dictionary with ``smpl_params_global``; WHAM and its kin one of people, each with
``pose_world`` and ``trans_world``; others the parameters themselves. PyTorch's own loader for
weights reads .pt, the allow-list of `pickles` reads .pkl; what needs anything else is refused with
the way to save it as npz.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vimoflow import pickles
from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.formats.amass_npz import smpl_motion
from vimoflow.formats.motion_units import Up
from vimoflow.formats.smpl_fields import NAMES, ROOTS, WHOLE
from vimoflow.motion.clip import Motion
from vimoflow.notes import note

_MAX_BYTES = 1 << 30
_INNER = ("smpl_params_global", "smpl_params", "smpl", "params")
_WORLD = {"poses": "pose_world", "trans": "trans_world"}
_EXTRA = ("up_axis", "body_scale")


def read_smpl_results(
    path: str | Path, fps: float | None = None, up: Up | None = None, unit: float | None = None
) -> Motion:
    """The motion of the person who is seen longest.

    Args:
        path: the file, ``.pt``, ``.pth`` or ``.pkl``.
        fps: frame rate in Hz; such files seldom state it.
        up, unit: as for `read_amass`.

    Raises:
        InputError: the file is missing or damaged, needs code to be run, holds no SMPL parameters,
            or states no rate while ``fps`` is None.
    """
    path = Path(path)
    refuse_foreign(path)
    is_pickle = path.suffix.lower() in (".pkl", ".pickle")
    found = _person(_read_pickle(path) if is_pickle else _read_tensors(path), path)
    fields = {name: _array(value) for name, value in found.items()}
    return smpl_motion(fields, path, fps, up, unit)


def _read_tensors(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES >> 20} MiB")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on old formats
            return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # a hostile or cut file can raise anything at all
        raise InputError(f"{path}: {_way(path)}") from error


def _read_pickle(path: Path) -> Any:
    try:
        return pickles.load(path)
    except InputError as error:
        if "not a plain pickle" not in str(error):
            raise
        raise InputError(f"{path}: {_way(path)}") from error


def _way(path: Path) -> str:
    loader = "torch.load" if path.suffix.lower() != ".pkl" else "joblib.load"
    return (
        "cannot be read without running code from it, or is damaged. Where it was made, save its "
        f"arrays: import numpy, {loader.partition('.')[0]}; d = {loader}('{path.name}'); "
        "numpy.savez('motion.npz', poses=..., trans=..., fps=...) and give motion.npz"
    )


def _person(document: Any, path: Path) -> dict[str, Any]:
    """The fields of one person, under names that `smpl_fields` knows."""
    for _ in range(3):
        if not isinstance(document, Mapping):
            break
        if "pose_world" in document and "trans_world" in document:
            return _known(document) | {name: document[key] for name, key in _WORLD.items()}
        if any(name in document for name in (*WHOLE, *ROOTS)):
            return _known(document)
        inner = next((document[name] for name in _INNER if name in document), None)
        people = [one for one in document.values() if isinstance(one, Mapping)]
        if inner is None and len(people) > 1:
            note(f"{path}: holds {len(people)} people; who is seen longest was taken")
        document = inner or max(people, key=_length, default=None)
    raise InputError(f"{path}: holds no SMPL parameters ({'/'.join((*WHOLE[:2], ROOTS[1]))})")


def _known(document: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: document[name] for name in (*NAMES, *_EXTRA) if name in document}


def _length(person: Mapping[Any, Any]) -> int:
    shapes: list[tuple[int, ...]] = [getattr(v, "shape", ()) for v in person.values()]
    return max((shape[0] for shape in shapes if shape), default=0)


def _array(value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().float().numpy()
    return np.asarray(value) if isinstance(value, (np.ndarray, float, int, str)) else np.array(None)
