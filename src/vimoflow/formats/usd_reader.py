"""USD: skeletons of UsdSkel and their animations, out of one file that names no other."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vimoflow.errors import InputError
from vimoflow.formats.takes import (
    MAX_JOINTS,
    MAX_POSES,
    JointTracks,
    Take,
    damaged,
    matrices_of,
    read_file,
)
from vimoflow.formats.up_axis import UP
from vimoflow.formats.usd_parser import parsed_elsewhere
from vimoflow.formats.usd_writer import require_usd
from vimoflow.geometry.rotations import quaternion_to_matrix

if TYPE_CHECKING:
    from pxr import Sdf, Usd, UsdSkel


def read_usd(path: str | Path) -> list[Take]:
    """The animation of every animated skeleton of a .usda, .usdc, .usd or .usdz.

    Raises:
        ConfigError: the extra ``usd`` is not installed.
        InputError: the file is damaged, names other files, or has no animated skeleton.
    """
    path = Path(path)
    require_usd()
    _check(path)
    from pxr import Sdf, Tf, Usd, UsdSkel

    damage = (Tf.ErrorException, ValueError, TypeError, RuntimeError)
    with parsed_elsewhere(path) as copy, damaged(path, "USD", *damage):
        layer = Sdf.Layer.OpenAsAnonymous(str(copy))
        if layer is None:
            raise InputError(f"{path}: cannot be read as USD")
        _refuse_other_files(layer, path)
        stage = Usd.Stage.Open(layer, Sdf.Layer.CreateAnonymous(), Usd.Stage.LoadNone)
        skeletons = [UsdSkel.Skeleton(p) for p in stage.Traverse() if p.IsA(UsdSkel.Skeleton)]
        found = [take for one in skeletons if (take := _take(stage, one, path)) is not None]
    if not found:
        raise InputError(f"{path}: holds no animated skeleton (UsdSkel)")
    return found


def _check(path: Path) -> None:
    """Refuse what is no USD by its first bytes, and packages that are not as USDZ has them."""
    head = read_file(path)[:8]
    if head[:4] == b"PK\x03\x04":
        damage = (zipfile.BadZipFile, ValueError, OSError, NotImplementedError)
        with damaged(path, "USDZ", *damage), zipfile.ZipFile(path) as package:
            entries = package.infolist()
        # USDZ is not compressed, so that nothing in it can be larger than the file.
        if any(e.compress_type != zipfile.ZIP_STORED or e.file_size != e.compress_size
               for e in entries):  # fmt: skip
            raise InputError(f"{path}: a USDZ whose parts are compressed; the format forbids it")
        if any(".." in e.filename.split("/") or e.filename.startswith("/") for e in entries):
            raise InputError(f"{path}: a USDZ with a part that is a path upwards")
    elif head != b"PXR-USDC" and head[:5] != b"#usda":
        raise InputError(f"{path}: not a USD file")


def _refuse_other_files(layer: Sdf.Layer, path: Path) -> None:
    """Nothing is composed of other files: references, payloads, sublayers, value clips."""
    others = [name for name in layer.GetCompositionAssetDependencies() if name]
    clips: list[str] = []

    def look(place: Sdf.Path) -> None:
        spec = layer.GetObjectAtPath(place)
        if place.IsPrimPath() and spec is not None and spec.HasInfo("clips"):
            clips.append(str(place))

    layer.Traverse("/", look)
    if others or clips:
        what = f"'{others[0][:80]}'" if others else "value clips"
        raise InputError(f"{path}: takes parts from other files ({what}); flatten it into one file")


def _take(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, path: Path) -> Take | None:
    from pxr import Usd, UsdGeom, UsdSkel

    source = UsdSkel.BindingAPI(skeleton.GetPrim()).GetInheritedAnimationSource()
    animation = UsdSkel.Animation(source) if source else None
    if animation is None or not source.IsA(UsdSkel.Animation):
        return None
    joints = [str(joint) for joint in skeleton.GetJointsAttr().Get() or ()]
    if len(joints) > MAX_JOINTS:
        raise InputError(f"{path}: a skeleton of {len(joints)} joints")
    codes = _time_codes(animation, len(joints), path)
    rest = _matrices(skeleton.GetRestTransformsAttr().Get(), len(joints), "rest pose", path)
    bind = _matrices(skeleton.GetBindTransformsAttr().Get(), len(joints), "bind pose", path)
    local = np.broadcast_to(rest, (len(codes), *rest.shape)).copy()
    order = [
        joints.index(j) for j in map(str, animation.GetJointsAttr().Get() or ()) if j in joints
    ]
    if len(order) != len(animation.GetJointsAttr().Get() or ()):
        raise InputError(f"{path}: an animation of joints that its skeleton lacks")
    local[:, order] = _animated(animation, codes, len(order), path)
    above = [joint.rpartition("/")[0] for joint in joints]
    parents = [joints.index(joint) if joint in joints else -1 for joint in above]
    placed = UsdGeom.Xformable(skeleton.GetPrim()).ComputeLocalToWorldTransform(
        Usd.TimeCode.Default()
    )
    world = np.eye(4)
    world[:3, :3] = UP["z" if UsdGeom.GetStageUpAxis(stage) == "Z" else "y"]
    world[:3, :3] *= UsdGeom.GetStageMetersPerUnit(stage)
    names = [joint.rpartition("/")[2] for joint in joints]
    tracks = JointTracks(names, parents, bind, local, world @ np.array(placed).T)
    seconds = (np.array(codes) - codes[0]) / stage.GetTimeCodesPerSecond()
    return tracks.take(source.GetName(), seconds, path)


def _time_codes(animation: UsdSkel.Animation, joints: int, path: Path) -> list[float]:
    moving = (
        animation.GetTranslationsAttr(),
        animation.GetRotationsAttr(),
        animation.GetScalesAttr(),
    )
    codes = sorted({code for attribute in moving for code in attribute.GetTimeSamples()})
    if not codes or len(codes) * joints > MAX_POSES:
        raise InputError(f"{path}: an animation of {len(codes)} frames")
    return codes


def _animated(
    animation: UsdSkel.Animation, codes: list[float], joints: int, path: Path
) -> np.ndarray:
    shapes = ((animation.GetTranslationsAttr(), 3), (animation.GetRotationsAttr(), 4),
              (animation.GetScalesAttr(), 3))  # fmt: skip
    values = []
    for attribute, size in shapes:
        rows = [np.array(attribute.Get(code), np.float64) for code in codes]
        if any(row.shape != (joints, size) for row in rows):
            raise InputError(f"{path}: {attribute.GetName()} is not of {joints} joints")
        values.append(np.stack(rows))
    places, quaternions, scales = values
    return matrices_of(quaternion_to_matrix(torch.from_numpy(quaternions)).numpy(), places, scales)


def _matrices(values: Any, joints: int, what: str, path: Path) -> np.ndarray:
    matrices = np.array(values, np.float64) if values is not None else np.zeros(0)
    if matrices.shape != (joints, 4, 4):
        raise InputError(f"{path}: the {what} is not of {joints} joints")
    return matrices.swapaxes(-1, -2)
