"""Blender agrees with motion.npz about BVH, GLB, FBX and USD (``make test-blender``).

The files are written here and imported by another interpreter that has ``bpy``, named by
``VIMOFLOW_BLENDER_PYTHON``: Blender's module needs its own Python and weighs a gigabyte.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.motion.skeleton import JOINT_NAMES

pytestmark = pytest.mark.blender

# Runs inside Blender: imports a file and prints what it became, bone heads in Blender's world.
PROBE = """
import json, sys
import bpy
kind, path, fps, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = fps
if kind == "bvh":
    bpy.ops.import_anim.bvh(
        filepath=path, global_scale=0.01, update_scene_fps=True, update_scene_duration=True
    )
elif kind == "glb":
    bpy.ops.import_scene.gltf(filepath=path)
elif kind == "fbx":
    bpy.ops.import_scene.fbx(filepath=path)
else:
    bpy.ops.wm.usd_import(filepath=path)
rig = next(o for o in bpy.data.objects if o.type == "ARMATURE")
action = rig.animation_data.action
first, last = action.frame_range
rate = scene.render.fps / scene.render.fps_base
joints = []
for seconds in times:
    moment = first + seconds * rate
    scene.frame_set(int(moment // 1), subframe=moment % 1)
    rig_now = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    joints.append({b.name: list(rig_now.matrix_world @ b.head) for b in rig_now.pose.bones})
skinned = [
    o.name for o in bpy.data.objects
    if o.type == "MESH" and any(m.type == "ARMATURE" for m in o.modifiers)
]
print("PROBE" + json.dumps(
    {"bones": len(rig.data.bones), "span": last - first, "rate": rate, "joints": joints,
     "skinned": skinned}
))
"""


@pytest.fixture(scope="module")
def blender_python() -> str:
    python = os.environ.get("VIMOFLOW_BLENDER_PYTHON", "")
    if not python or not Path(python).is_file():
        pytest.skip("set VIMOFLOW_BLENDER_PYTHON to a Python that has bpy 4.5")
    return python


@pytest.mark.parametrize("kind", ["bvh", "glb", "fbx", "usdc", "usdz"])
@pytest.mark.parametrize("fps", [25, 30, 60])
def test_blender_has_the_same_joints(
    blender_python: str, tmp_path: Path, kind: str, fps: int
) -> None:
    motion = swinging_motion(46, float(fps))
    path = tmp_path / f"motion.{kind}"
    motion.save(path)
    found = _probe(blender_python, kind, path, fps, motion.timestamps.tolist())
    assert found["bones"] == len(JOINT_NAMES)
    assert found["span"] == pytest.approx(len(motion) - 1, abs=1e-3)
    assert found["rate"] == pytest.approx(fps, rel=1e-3)
    assert bool(found["skinned"]) == (kind != "bvh")
    joints = np.stack([_ours(heads) for heads in found["joints"]])
    error_m = np.abs(joints - motion.joint_positions).max(axis=(1, 2))
    assert error_m.max() < 1e-3, f"frame {error_m.argmax()}: {1000 * error_m.max():.2f} mm"


def _ours(heads: dict[str, list[float]]) -> np.ndarray:
    """Bone heads from Blender's Z-up world to ours."""
    x, y, z = np.array([heads[name] for name in JOINT_NAMES]).T
    return np.stack((x, z, -y), axis=1)


def _probe(python: str, kind: str, path: Path, fps: int, times: list[float]) -> dict:
    done = subprocess.run(
        [python, "-c", PROBE, kind, str(path), str(fps), json.dumps(times)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    answers = [line[5:] for line in done.stdout.splitlines() if line.startswith("PROBE")]
    assert answers, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(answers[0])


def test_the_probe_s_axes_are_a_rotation() -> None:
    """Guards the test itself: a mirrored conversion could hide swapped sides."""
    basis = np.stack([_ours({n: list(e) for n in JOINT_NAMES})[0] for e in np.eye(3)], axis=1)
    assert np.linalg.det(basis) == pytest.approx(1)
