"""The figure's joints are ours: a stick rig in the place of Anny's mesh, which takes minutes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lab.rendered import bodies
from lab.rendered.bodies import CACHE, Body, RawPeople, load_people
from vimoflow.errors import InputError
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import JOINT_NAMES, joint, load_skeleton

# A rig in an A-pose with other proportions than ours: bone, parent, joint position.
_RIG = (
    ("root", "", (0, 1.0, 0)), ("spine05", "root", (0, 1.0, 0)),
    ("spine04", "spine05", (0, 1.1, 0)), ("spine02", "spine04", (0, 1.2, 0)),
    ("neck01", "spine02", (0, 1.6, 0)),
    ("head", "neck01", (0, 1.7, 0)), ("jaw", "head", (0, 1.72, 0.05)),
    *((f"{bone}.{s}", parent if parent in ("root", "spine02") else f"{parent}.{s}",
       (x * sign, y, z))
      for s, sign in (("L", 1), ("R", -1))
      for bone, parent, (x, y, z) in (
          ("upperleg01", "root", (0.12, 0.95, 0)), ("lowerleg01", "upperleg01", (0.15, 0.5, 0)),
          ("foot", "lowerleg01", (0.2, 0.08, -0.02)),
          *((f"toe{n}-1", "foot", (0.2 + 0.01 * n, 0.03, 0.12)) for n in range(1, 6)),
          ("clavicle", "spine02", (0.03, 1.5, 0)), ("upperarm01", "clavicle", (0.2, 1.5, 0)),
          ("lowerarm01", "upperarm01", (0.4, 1.3, 0)), ("wrist", "lowerarm01", (0.55, 1.15, 0.1)),
      )),
)  # fmt: skip


@pytest.fixture(scope="module")
def raw() -> RawPeople:
    """One vertex at every bone's joint, moved by that bone alone, and one on the floor."""
    names = [name for name, _, _ in _RIG]
    heads = np.array([place for _, _, place in _RIG], np.float32)
    heads = np.stack((heads, 1.1 * heads))
    floor = np.array([[[0.2, 0.0, 0.0]]] * 2, np.float32)
    vertices = np.concatenate((heads, floor), axis=1)
    annotation = np.zeros((17, vertices.shape[1]), np.float32)
    annotation[:, names.index("head")] = 1
    owners = np.array([*range(len(names)), names.index("foot.L")], np.int32)[:, None]
    parents = tuple(names.index(parent) if parent else -1 for _, parent, _ in _RIG)
    return RawPeople(
        vertices, heads, np.array([[0, 1, 2]], np.int32), np.ones_like(owners, dtype=np.float32),
        owners, annotation, tuple(names), parents,
    )  # fmt: skip


@pytest.fixture(scope="module")
def people(raw, tmp_path_factory) -> list[Body]:
    folder = tmp_path_factory.mktemp("people")
    bodies._write_raw(folder / CACHE, raw)
    return load_people(folder)


def test_limbs_are_exactly_where_our_skeleton_has_them(raw, people):
    R = torch.linalg.qr(torch.randn(24, 3, 3, generator=torch.Generator().manual_seed(1)).double())[
        0
    ]
    R = R * torch.linalg.det(R)[:, None, None]
    R_world, joints = forward_kinematics(R, torch.tensor([1.0, 2.0, 3.0]).double())
    for body in people:
        vertices = body.posed(R_world.numpy(), joints.numpy())
        for bone, ours in bodies._FOLLOWS.items():
            if any(word in ours for word in ("hip", "knee", "collar", "shoulder", "elbow", "wrist",
                                             "ankle")):  # fmt: skip
                at = vertices[raw.bones.index(bone)]
                np.testing.assert_allclose(at, joints[joint(ours)].numpy(), atol=1e-9)


def test_the_rest_pose_stands_on_the_floor(people):
    floor = load_skeleton().rest_positions()[joint("left_foot"), 1] - 0.015
    for body in people:
        assert body.rest[-1, 1] == pytest.approx(floor)
        assert body.rest[:, 1].min() == pytest.approx(floor)


def test_unnamed_bones_follow_their_parents(raw, people):
    assert people[0].part[raw.bones.index("jaw")] == joint("head")
    assert set(people[0].part) <= set(range(len(JOINT_NAMES)))


def test_a_swing_turns_one_direction_onto_the_other():
    rng = np.random.default_rng(0)
    for a, b in rng.normal(size=(20, 2, 3)):
        R = bodies._swing(a, b)
        np.testing.assert_allclose(R @ a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-9)
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-9)


def test_a_damaged_cache_is_refused(tmp_path):
    (tmp_path / CACHE).write_bytes(b"no archive")
    with pytest.raises(InputError, match="delete it"):
        load_people(tmp_path)
