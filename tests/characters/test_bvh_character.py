"""A BVH as the character: its own header, other frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from character_examples import walk
from lab.rigs.rig_conventions import CONVENTIONS
from lab.rigs.rig_examples import performance, person_of_other_proportions, to_bvh
from vimoflow import retarget
from vimoflow.formats.bvh_reader import bvh_to_source_motion, read_bvh
from vimoflow.motion.retarget_report import LIMB_BONES
from vimoflow.motion.skeleton import joint

WALK = walk(frames=40)


@pytest.mark.parametrize(
    "name", ["Mixamo", "3ds Max Biped", "CMU, MotionBuilder", "Xsens", "Rigify", "MikuMikuDance"]
)
def test_a_bvh_of_any_convention_is_animated(tmp_path: Path, name: str) -> None:
    convention = CONVENTIONS[name]
    poses, root = performance(frames=12, standing=4)
    path = tmp_path / "take.bvh"
    offsets = person_of_other_proportions(3)
    path.write_text(to_bvh(convention.rig, poses, root, convention.units, 30.0, offsets))
    result = retarget(WALK, path, tmp_path / "out")
    target = result.files[0]
    head = path.read_text().partition("MOTION")[0]
    assert target.read_text().startswith(head)
    bvh = read_bvh(target)
    posed = bvh_to_source_motion(bvh, 1 / convention.units)
    assert posed.fps == pytest.approx(30, abs=0.01) and len(posed.p_world_joint) == len(WALK)
    at = {o: posed.p_world_joint[:, bvh.names.index(n)] for o, n in convention.names.items()}
    if convention.z_up:
        at = {o: p @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]) for o, p in at.items()}
    degrees = []
    for a, b in LIMB_BONES:
        ours = WALK.joint_positions[:, joint(b)] - WALK.joint_positions[:, joint(a)]
        theirs = at[b] - at[a]
        cross = np.linalg.norm(np.cross(ours, theirs), axis=-1)
        degrees.append(np.degrees(np.arctan2(cross, (ours * theirs).sum(-1))).mean())
    assert max(degrees) < 3
    assert result.report.slide_mm is not None and result.report.slide_mm < 0.5
