"""Scenes: distances to boxes, files of three kinds, what is fitted under who sits, bad input."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.errors import ConfigError, InputError
from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.plausibility import physics_report
from vimoflow.physics.scene import Box, Scene, turned
from vimoflow.physics.scene_files import read_scene
from vimoflow.physics.scene_fitting import fit_scene, require_within_reach

coordinate = st.floats(-2, 2)


def sitting(frames: int = 45):
    """Somebody who sits at half a metre, thighs level, feet ahead and a little above the floor."""
    still = standing(frames)
    poses = still.poses.copy()
    for side in ("left", "right"):
        poses[:, joint(f"{side}_hip"), 0] = -np.pi / 2
        poses[:, joint(f"{side}_knee"), 0] = np.pi / 2
    low = dataclasses.replace(still, poses=poses)
    foot = low.joint_positions[0, joint("left_foot"), 1]
    drop = still.joint_positions[0, joint("left_foot"), 1] - foot
    return dataclasses.replace(low, trans=low.trans + np.float32([0, drop + 0.05, 0]))


@settings(deadline=None, max_examples=60)
@given(st.tuples(coordinate, coordinate, coordinate), st.floats(0, 180))
def test_the_way_out_of_a_box_leads_to_its_surface(point, degrees):
    box = Box(np.array([0.3, -0.2, 1.0]), np.array([0.5, 0.4, 0.3]), turned(degrees))
    point = np.array([point])
    gap, normal = Scene((box,), floor=False).gaps(point, np.zeros(1))
    assert np.linalg.norm(normal) == pytest.approx(1)
    local = (point - gap[:, None] * normal - box.centre) @ box.R
    assert (np.abs(local) - box.half).max() == pytest.approx(0, abs=1e-9)


def test_who_sits_in_the_air_gets_a_seat_and_then_needs_no_hand_from_nowhere():
    motion = sitting()
    humanoid = make_humanoid(motion.skeleton)
    scene = fit_scene(motion, humanoid)
    below = [box for box in scene.boxes if (np.abs(box.centre[:2]) < box.half[:2]).all()]
    assert any(0.25 < box.centre[2] + box.half[2] < motion.trans[0, 1] for box in below)
    before, after = (physics_report(motion, scene=s).frames for s in (None, scene))
    assert before.residual_force.mean() + before.residual_moment.mean() > 0.1
    assert after.residual_force.mean() + after.residual_moment.mean() < 0.05
    assert fit_scene(standing(), humanoid).boxes == ()


def test_files_of_all_kinds_say_the_same(tmp_path):
    box = {"centre": [1.0, 0.25, -2.0], "size": [0.4, 0.5, 0.8]}
    (tmp_path / "a.json").write_text(json.dumps({"boxes": [box]}))
    (tmp_path / "a.xml").write_text(
        '<mujoco><worldbody><geom type="plane" size="5 5 1"/>'
        '<geom type="box" pos="1 2 0.25" size="0.2 0.4 0.25"/></worldbody></mujoco>'
    )
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.creation.box((0.4, 0.5, 0.8))
    scene = trimesh.Scene()
    scene.add_geometry(mesh, transform=trimesh.transformations.translation_matrix(box["centre"]))
    scene.export(tmp_path / "a.glb")
    points = np.random.default_rng(0).uniform(-3, 3, (40, 3))
    gaps = [read_scene(tmp_path / f"a.{kind}").gaps(points, np.zeros(40))[0]
            for kind in ("json", "xml", "glb")]  # fmt: skip
    assert np.allclose(gaps[0], gaps[1], atol=1e-6) and np.allclose(gaps[0], gaps[2], atol=1e-6)


def test_stairs_rise_and_chairs_have_seats(tmp_path):
    path = tmp_path / "house.json"
    path.write_text(json.dumps({
        "stairs": [{"at": [0, 0, 0], "steps": 3, "rise": 0.2, "run": 0.3}],
        "chairs": [{"at": [0, 0, 5], "turn": 90}],
    }))  # fmt: skip
    scene = read_scene(path)
    above = np.array([[0.15, 0, 2.0], [0.75, 0, 2.0], [0, -5.0, 2.0]])
    gaps, _ = scene.gaps(above, np.zeros(3))
    assert gaps[0] > gaps[1] and gaps[1] == pytest.approx(2 - 0.6) and gaps[2] < 2 - 0.45 + 1e-9
    assert len(scene.boxes) == 3 + 2


@pytest.mark.parametrize(
    ("name", "text", "error", "told"),
    [
        ("a.json", "{", InputError, "not JSON"),
        ("a.json", '{"boxs": []}', ConfigError, "did you mean 'boxes'"),
        ("a.json", "{}", InputError, "holds 0 boxes"),
        ("a.json", '{"boxes": [{"centre": [0, 0, 0], "size": [1, 0, 1]}]}', InputError, "size"),
        ("a.json", '{"stairs": [{"at": [0, 0, 0], "steps": 9999999}]}', InputError, "too many"),
        ("a.xml", "<mujoco><sphere/></mujoco>", InputError, "not MJCF"),
        ("a.obj", "v 0 0 0", InputError, "a scene is"),
    ],
)
def test_scenes_that_are_none_are_told_in_a_line(tmp_path, name, text, error, told):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(error, match=told) as refused:
        read_scene(path)
    assert "\n" not in str(refused.value)


def test_a_scene_out_of_reach_or_around_the_body_is_refused():
    motion, humanoid = standing(), make_humanoid(load_skeleton())
    far, around = (Scene((Box(np.array([x, 0, 1.0]), np.ones(3)),)) for x in (50.0, 0.0))
    for scene, told in ((far, "m away"), (around, "inside")):
        with pytest.raises(InputError, match=told):
            require_within_reach(scene, motion, humanoid)
    require_within_reach(Scene((Box(np.array([1.5, 0, 0.2]), np.ones(3) / 5),)), motion, humanoid)
