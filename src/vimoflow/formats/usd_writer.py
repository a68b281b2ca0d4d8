"""Motions as USD (UsdSkel): a skeleton and its animation, and the mannequin bound to it.

Joints are named by their path, as UsdSkel has it; rest and bind pose are the standing T-pose.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vimoflow.errors import ConfigError
from vimoflow.files import output_errors, replacing
from vimoflow.formats.body import COLORS_SRGB, load_body
from vimoflow.formats.file_space import METRES, FileSpace, standing_m
from vimoflow.formats.takes import matrices_of
from vimoflow.geometry.rotations import matrix_to_quaternion
from vimoflow.installation import install_command
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS

if TYPE_CHECKING:
    from pxr import Usd

_METRES = FileSpace()


def write_usd(
    motion: Motion,
    path: str | Path,
    space: FileSpace = _METRES,
    names: Mapping[str, str] | None = None,
) -> None:
    """Write .usda (text), .usdc or .usd (binary) or .usdz (a package), by the ending.

    A time code is a frame; a motion of an uneven clock is resampled evenly, as in BVH.

    Args:
        motion: what to write.
        path: the file.
        space: axis that is up and unit; both stand in the file.
        names: what the joints are called there.

    Raises:
        ConfigError: the extra ``usd`` is not installed.
        OutputError: the file cannot be written.
    """
    require_usd()
    from pxr import Sdf, Usd, UsdUtils

    path = Path(path)
    stage = Usd.Stage.CreateInMemory()
    _fill(stage, at_even_times(motion), space, names or {})
    layer = stage.GetRootLayer()
    with output_errors(path), replacing(path) as partial:
        if path.suffix.lower() != ".usdz":
            _written(layer.Export(str(partial)), path)
            return
        with tempfile.TemporaryDirectory() as folder:
            inner = f"{folder}/motion.usdc"
            _written(layer.Export(inner), path)
            done = UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(inner), str(partial), "motion.usdc")
            _written(done, path)


def require_usd() -> None:
    """Raise ``ConfigError`` where the extra ``usd`` is not installed."""
    try:
        import pxr.Usd  # noqa: F401
    except ImportError:
        raise ConfigError(f"USD needs usd-core: {install_command('usd')}") from None


def _written(done: bool, path: Path) -> None:
    if not done:
        raise OSError("USD cannot write there")


def _fill(stage: Usd.Stage, motion: Motion, space: FileSpace, names: Mapping[str, str]) -> None:
    from pxr import UsdGeom, UsdSkel

    stage.SetTimeCodesPerSecond(motion.fps)
    stage.SetFramesPerSecond(motion.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(motion) - 1)
    UsdGeom.SetStageUpAxis(stage, space.up.upper())
    UsdGeom.SetStageMetersPerUnit(stage, METRES[space.unit])
    root = UsdSkel.Root.Define(stage, "/motion")
    stage.SetDefaultPrim(root.GetPrim())
    skeleton = UsdSkel.Skeleton.Define(stage, "/motion/skeleton")
    joints = _paths(names)
    offsets = space.points(motion.skeleton.offsets)
    rest = space.points(motion.skeleton.rest_positions() + standing_m(motion))
    offsets[0] = rest[0]
    skeleton.CreateJointsAttr(joints)
    skeleton.CreateBindTransformsAttr(_matrices(rest))
    skeleton.CreateRestTransformsAttr(_matrices(offsets))
    animation = UsdSkel.Animation.Define(stage, "/motion/skeleton/animation")
    animation.CreateJointsAttr(joints)
    _keys(animation, motion, space, offsets)
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    _body(stage, motion, space)


def _paths(names: Mapping[str, str]) -> list[str]:
    from pxr import Tf

    paths: list[str] = []
    for name, parent in zip(JOINT_NAMES, PARENTS, strict=True):
        own = Tf.MakeValidIdentifier(names.get(name, name))
        paths.append(own if parent < 0 else f"{paths[parent]}/{own}")
    return paths


def _matrices(places: np.ndarray) -> Any:
    from pxr import Vt

    return Vt.Matrix4dArray.FromNumpy(matrices_of(np.eye(3), places).swapaxes(-1, -2).copy())


def _keys(animation: Any, motion: Motion, space: FileSpace, offsets: np.ndarray) -> None:
    from pxr import Gf, Vt

    R = torch.from_numpy(np.ascontiguousarray(space.rotations(motion.local_rotations)))
    quaternions = matrix_to_quaternion(R).numpy().astype("<f4")
    places = np.broadcast_to(offsets, (len(motion), *offsets.shape)).astype("<f4")
    places[:, 0] = space.points(motion.trans)
    ones = Vt.Vec3hArray(len(JOINT_NAMES), Gf.Vec3h(1, 1, 1))
    animation.CreateScalesAttr(ones)
    translations, rotations = animation.CreateTranslationsAttr(), animation.CreateRotationsAttr()
    for frame in range(len(motion)):
        translations.Set(Vt.Vec3fArray.FromNumpy(places[frame]), frame)
        rotations.Set(Vt.QuatfArray.FromNumpy(quaternions[frame]), frame)


def _body(stage: Usd.Stage, motion: Motion, space: FileSpace) -> None:
    from pxr import Gf, UsdGeom, UsdSkel, Vt

    body = load_body().scaled(motion.skeleton.scale)
    mesh = UsdGeom.Mesh.Define(stage, "/motion/mannequin")
    points = space.points(body.vertices + standing_m(motion)).astype("<f4")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(body.triangles), 3))
    indices = body.triangles.reshape(-1).astype("<i4")
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(indices))
    normals = (body.normals @ space.R_file_world.T).astype("<f4")
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr([Gf.Vec3f(*map(float, f(points, axis=0))) for f in (np.min, np.max)])
    colors = (np.array(COLORS_SRGB) ** 2.2)[body.material].astype("<f4")
    mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex).Set(Vt.Vec3fArray.FromNumpy(colors))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets(["/motion/skeleton"])
    slots = body.joints.shape[1]
    binding.CreateJointIndicesPrimvar(False, slots).Set(
        Vt.IntArray.FromNumpy(body.joints.reshape(-1).astype("<i4"))
    )
    binding.CreateJointWeightsPrimvar(False, slots).Set(
        Vt.FloatArray.FromNumpy(body.weights.reshape(-1).astype("<f4"))
    )
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))
