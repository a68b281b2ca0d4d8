"""Exports: MuJoCo stands where the motion stands, ProtoMotions' fields agree with one another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

mujoco = pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import waving  # noqa: E402
from vimoflow.formats.amass_npz import read_amass  # noqa: E402
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS  # noqa: E402
from vimoflow.physics.anthropometry import limb_after_limb  # noqa: E402
from vimoflow.physics.exports import write_gmr, write_mujoco, write_protomotions  # noqa: E402

Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def test_mujoco_alone_poses_the_body_from_the_file(tmp_path):
    motion = waving(20)
    write_mujoco(motion, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        model = mujoco.MjModel.from_xml_string(str(arrays["xml"]))
        qpos, qvel, fps = arrays["qpos"], arrays["qvel"], float(arrays["fps"])
        assert [model.joint(i).name for i in range(1, model.njnt)] == [*arrays["joint_names"]]
    data = mujoco.MjData(model)
    for t in (0, 7, 19):
        data.qpos[:] = qpos[t]
        mujoco.mj_kinematics(model, data)
        for name in ("left_wrist", "right_foot", "head"):
            place = Z_UP @ motion.joint_positions[t, JOINT_NAMES.index(name)]
            assert np.allclose(data.body(name).xpos, place, atol=1e-4)
    moved = np.zeros(model.nv)
    mujoco.mj_differentiatePos(model, moved, 2 / fps, qpos[9], qpos[11])
    assert np.allclose(moved, qvel[10], atol=0.1 * np.abs(qvel).max())


def test_protomotions_fields_agree(tmp_path):
    motion = waving(20)
    write_protomotions(motion, tmp_path / "a.motion")
    fields = torch.load(tmp_path / "a.motion", weights_only=True)
    order = [JOINT_NAMES.index(name) for name in limb_after_limb()]
    places = fields["rigid_body_pos"].numpy()
    assert np.allclose(places, motion.joint_positions[:, order] @ Z_UP.T, atol=1e-5)
    world = [Rotation.from_quat(fields["rigid_body_rot"][:, b].numpy()) for b in range(24)]
    local = [Rotation.from_quat(fields["local_rigid_body_rot"][:, b].numpy()) for b in range(24)]
    vectors = fields["dof_pos"].numpy().reshape(20, 23, 3)
    for body, at in enumerate(order[1:], start=1):
        above = order.index(PARENTS[at])
        assert (world[body].inv() * world[above] * local[body]).magnitude().max() < 1e-4
        turn = Rotation.from_rotvec(vectors[:, body - 1])
        assert (turn.inv() * local[body]).magnitude().max() < 1e-4
        # A bone is rigid in the body it hangs on.
        bone = world[above].inv().apply(places[:, body] - places[:, above])
        assert np.ptp(bone, axis=0).max() < 1e-4
    spin = Rotation.from_rotvec(fields["rigid_body_ang_vel"][:-1, 0].numpy() / fields["fps"])
    assert ((spin * world[0][:-1]).inv() * world[0][1:]).magnitude().max() < 1e-4
    # In its own axes (x ahead, y left, z up) an upright body's z points up.
    assert world[0][0].apply([0, 0, 1])[2] > 0.8


def test_gmr_gets_the_fields_that_it_asks_for(tmp_path):
    motion = waving(20)
    write_gmr(motion, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["pose_body"].shape == (20, 63) and arrays["root_orient"].shape == (20, 3)
        assert arrays["mocap_frame_rate"].item() == 30 and arrays["betas"].shape == (16,)
        assert str(arrays["gender"]) == "neutral"
    assert np.allclose(read_amass(tmp_path / "a.npz").trans, motion.trans, atol=1e-5)
