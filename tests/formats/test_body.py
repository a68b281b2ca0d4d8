"""The mannequin's mesh: closed, outward, on its joints, symmetric; and the human's."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from motion_examples import swinging_motion
from vimoflow.formats.body import MATERIALS, load_body, load_human, skin
from vimoflow.motion.skeleton import joint, load_skeleton


def test_every_part_is_closed_and_faces_outwards() -> None:
    body = load_body()
    mesh = trimesh.Trimesh(body.vertices, body.triangles, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert all(part.volume > 0 for part in mesh.split())
    agreement = (mesh.vertex_normals * body.normals).sum(axis=1)
    assert np.quantile(agreement, 0.01) > 0.9
    np.testing.assert_allclose(np.linalg.norm(body.normals, axis=1), 1, atol=1e-9)


def test_it_has_a_person_s_measures() -> None:
    body = load_body()
    height = np.ptp(body.vertices[:, 1])
    span = np.ptp(body.vertices[:, 0])
    assert 1.6 < height < 1.95
    assert 0.9 < span / height < 1.1


def test_the_coarse_body_is_the_same_shape_in_far_fewer_faces() -> None:
    fine, coarse = load_body(), load_body(coarse=True)
    assert len(coarse.faces) < 0.45 * len(fine.faces)
    volumes = [
        trimesh.Trimesh(body.vertices, body.triangles, process=False).volume
        for body in (fine, coarse)
    ]
    assert 0.93 < volumes[1] / volumes[0] <= 1
    for side in (np.min, np.max):
        np.testing.assert_allclose(side(coarse.vertices, 0), side(fine.vertices, 0), atol=0.006)


def test_weights_sum_to_one_and_left_mirrors_right() -> None:
    body = load_body()
    np.testing.assert_allclose(body.weight_matrix.sum(axis=1), 1, atol=1e-12)
    assert (body.weights >= 0).all()
    left, right = (
        body.vertices[body.material == MATERIALS.index(side)] for side in ("left", "right")
    )
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=1e-12)
    assert (left[:, 0] > 0).mean() > 0.99  # +X is the figure's left


def test_materials_do_not_change_within_a_face() -> None:
    body = load_body()
    corners = body.material[body.faces]
    assert (corners == corners[:, :1]).all()


def test_parts_overlap_around_every_joint_so_no_pose_opens_a_gap() -> None:
    """Each joint lies inside the volume of its own part and of its parent's."""
    body, rest = load_body(), load_skeleton().rest_positions()
    mesh = trimesh.Trimesh(body.vertices, body.triangles, process=False)
    limbs = [part for part in mesh.split() if part.volume < 0.012]
    for name in ("shoulder", "elbow", "wrist", "knee", "ankle"):
        point = rest[[joint(f"left_{name}")]]
        around = sum(
            bool((np.linalg.norm(part.vertices - point, axis=1) < 0.075).any()) for part in limbs
        )
        assert around >= 2, name


def test_skinning_a_rigid_turn_moves_the_whole_body_rigidly() -> None:
    body, rest = load_body(), load_skeleton().rest_positions()
    R = Rotation.from_rotvec([0.3, -1.0, 0.7]).as_matrix()
    shift = np.array([1.0, 2.0, -3.0])
    vertices, normals = skin(body, np.tile(R, (24, 1, 1)), rest @ R.T + shift)
    np.testing.assert_allclose(vertices, body.vertices @ R.T + shift, atol=1e-9)
    np.testing.assert_allclose(normals, body.normals @ R.T, atol=1e-9)


def test_skin_follows_its_joints() -> None:
    """A hand's vertices keep their distances to the hand joint in any pose."""
    motion, body = swinging_motion(3), load_body()
    from vimoflow.viewer.mannequin import world_rotations

    hand = joint("left_hand")
    R = world_rotations(motion.local_rotations)[2]
    vertices, _ = skin(body, R, motion.joint_positions[2])
    mine = body.weight_matrix[:, hand] == 1
    before = np.linalg.norm(body.vertices[mine] - load_skeleton().rest_positions()[hand], axis=1)
    after = np.linalg.norm(vertices[mine] - motion.joint_positions[2, hand], axis=1)
    np.testing.assert_allclose(before, after, atol=1e-9)


def test_the_human_stands_where_the_mannequin_does() -> None:
    human, body = load_human(), load_body()
    np.testing.assert_allclose(human.weight_matrix.sum(axis=1), 1, atol=1e-6)
    assert human.vertices[:, 1].min() == pytest.approx(body.vertices[:, 1].min(), abs=0.01)
    assert 1.6 < np.ptp(human.vertices[:, 1]) < 1.95
    mesh = trimesh.Trimesh(human.vertices, human.triangles, process=False)
    assert mesh.is_winding_consistent and mesh.volume > 0.03
    assert human.colors is not None and (human.colors >= 0).all() and (human.colors <= 1).all()
    rest = load_skeleton().rest_positions()
    for side in ("left", "right"):  # joints lie inside what they move
        for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
            number = joint(f"{side}_{part}")
            own = human.vertices[human.weight_matrix[:, number] > 0.3]
            assert np.linalg.norm(own - rest[number], axis=1).min() < 0.12, part
