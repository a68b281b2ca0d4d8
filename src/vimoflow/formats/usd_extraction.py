"""What a USD file says of its skeletons, as plain arrays; run as a process of its own.

USD's libraries end the process or stall it on damaged files, so nothing else may be in it. It
says that it is ready; then, for each line with a file, where the arrays go and the limits, what is
wrong, or nothing.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pxr import Sdf, Usd, UsdSkel

MEMORY = 3 << 30


class UnusableError(Exception):
    """What is wrong with the file."""


def extract(path: str, most_joints: int, most_poses: int) -> list[dict[str, Any]]:
    """Of every animated skeleton: joints, poses, times, place, axis, unit.

    Raises:
        UnusableError: the file cannot be used.
    """
    from pxr import Sdf, Usd, UsdSkel

    layer = Sdf.Layer.OpenAsAnonymous(path)
    if layer is None:
        raise UnusableError("cannot be read as USD")
    _refuse_other_files(layer)
    stage = Usd.Stage.Open(layer, Sdf.Layer.CreateAnonymous(), Usd.Stage.LoadNone)
    skeletons = [UsdSkel.Skeleton(p) for p in stage.Traverse() if p.IsA(UsdSkel.Skeleton)]
    limits = most_joints, most_poses
    found = [one for s in skeletons if (one := _skeleton(stage, s, *limits)) is not None]
    if not found:
        raise UnusableError("holds no animated skeleton (UsdSkel)")
    return found


def _refuse_other_files(layer: Sdf.Layer) -> None:
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
        raise UnusableError(f"takes parts from other files ({what}); flatten it into one file")


def _skeleton(
    stage: Usd.Stage, skeleton: UsdSkel.Skeleton, most_joints: int, most_poses: int
) -> dict[str, Any] | None:
    from pxr import Usd, UsdGeom, UsdSkel

    source = UsdSkel.BindingAPI(skeleton.GetPrim()).GetInheritedAnimationSource()
    animation = UsdSkel.Animation(source) if source else None
    if animation is None or not source.IsA(UsdSkel.Animation):
        return None
    joints = [str(joint) for joint in skeleton.GetJointsAttr().Get() or ()]
    if len(joints) > most_joints:
        raise UnusableError(f"a skeleton of {len(joints)} joints")
    moved = [str(joint) for joint in animation.GetJointsAttr().Get() or ()]
    if set(moved) - set(joints) or len(set(moved)) < len(moved):
        raise UnusableError("an animation of joints that its skeleton lacks")
    codes = _time_codes(animation, len(joints), most_poses)
    placed = UsdGeom.Xformable(skeleton.GetPrim()).ComputeLocalToWorldTransform(
        Usd.TimeCode.Default()
    )
    return {
        "name": source.GetName(),
        "joints": joints,
        "moved": moved,
        "seconds": (np.array(codes) - codes[0]) / stage.GetTimeCodesPerSecond(),
        "rest": _matrices(skeleton.GetRestTransformsAttr().Get(), len(joints), "rest pose"),
        "bind": _matrices(skeleton.GetBindTransformsAttr().Get(), len(joints), "bind pose"),
        "translations": _animated(animation.GetTranslationsAttr(), codes, (len(moved), 3)),
        "rotations": _animated(animation.GetRotationsAttr(), codes, (len(moved), 4)),
        "scales": _animated(animation.GetScalesAttr(), codes, (len(moved), 3)),
        "placed": np.array(placed).T,
        "up": "z" if UsdGeom.GetStageUpAxis(stage) == "Z" else "y",
        "metres": UsdGeom.GetStageMetersPerUnit(stage),
    }


def _time_codes(animation: UsdSkel.Animation, joints: int, most_poses: int) -> list[float]:
    moving = (
        animation.GetTranslationsAttr(),
        animation.GetRotationsAttr(),
        animation.GetScalesAttr(),
    )
    codes = sorted({code for attribute in moving for code in attribute.GetTimeSamples()})
    if not codes or len(codes) * joints > most_poses:
        raise UnusableError(f"an animation of {len(codes)} frames")
    return codes


def _animated(attribute: Usd.Attribute, codes: list[float], shape: tuple[int, int]) -> np.ndarray:
    rows = [np.array(attribute.Get(code), np.float64) for code in codes]
    if any(row.shape != shape for row in rows):
        raise UnusableError(f"{attribute.GetName()} is not of {shape[0]} joints")
    return np.stack(rows)


def _matrices(values: Any, joints: int, what: str) -> np.ndarray:
    matrices = np.array(values, np.float64) if values is not None else np.zeros(0)
    if matrices.shape != (joints, 4, 4):
        raise UnusableError(f"the {what} is not of {joints} joints")
    return matrices.swapaxes(-1, -2)


def _answer(path: str, arrays: str, most_joints: int, most_poses: int) -> str:
    from pxr import Tf

    try:
        found = extract(path, most_joints, most_poses)
    except UnusableError as error:
        return str(error)
    except (Tf.ErrorException, ValueError, TypeError, RuntimeError, MemoryError) as error:
        return f"cannot be read as USD ({type(error).__name__})"
    with open(arrays, "wb") as file:
        named = {f"{n}/{key}": value for n, one in enumerate(found) for key, value in one.items()}
        np.savez(file, **named)
    return ""


def _serve() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        pass
    import pxr.UsdSkel  # noqa: F401

    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(*json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve()
