"""Drawing: normals, and one real frame where there is EGL."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import trimesh
from scipy import sparse

from benchmark_examples import swaying
from lab.rendered.bodies import Body
from lab.rendered.rendering import Studio, vertex_normals
from lab.rendered.scenes import Scene
from vimoflow.errors import ConfigError
from vimoflow.geometry.cameras import Camera

RADIUS = 0.4


@pytest.fixture(scope="module")
def ball() -> Body:
    """A ball about the pelvis, as a body."""
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=RADIUS)
    skin = sparse.lil_matrix((len(mesh.vertices), 96))
    skin[:, :3], skin[:, 3] = mesh.vertices, 1
    return Body(
        np.array(mesh.vertices), np.array(mesh.faces), np.zeros(len(mesh.vertices), int),
        skin.tocsr(), sparse.csr_matrix((17, len(mesh.vertices))),
    )  # fmt: skip


def test_normals_of_a_ball_point_outward(ball):
    found = vertex_normals(ball.rest, ball.triangles)
    np.testing.assert_allclose(found, ball.rest / RADIUS, atol=0.02)


def test_a_drawn_ball_is_where_the_camera_sees_it(ball):
    pytest.importorskip("pyrender")
    motion = swaying(2, 0)
    motion = dataclasses.replace(
        motion, poses=motion.poses * 0, trans=np.array([[0, 1, 0]] * 2, np.float32)
    )
    down = torch.diag(torch.tensor([1.0, -1.0, -1.0])).expand(2, 3, 3)  # a level camera on +Z
    camera = Camera(
        down, torch.tensor([[-0.5, 1.0, 4.0]] * 2), torch.full((2,), 640.0),
        torch.full((2, 2), 320.0),
    )  # fmt: skip
    scene = Scene("s", "r", "c", "", 0, motion, camera, "static", "even", None, 0, 5)
    try:
        with Studio() as studio:
            frame = next(iter(studio.film(scene, ball)))
    except ConfigError as error:
        pytest.skip(str(error))
    x = 320 - 640 * 0.5 / 4.0
    assert frame.depth[320, round(x)] == pytest.approx(4 - RADIUS, abs=0.01)
    near = np.abs(frame.depth - 4) < RADIUS
    columns = np.flatnonzero(near[320])
    assert columns.mean() == pytest.approx(x, abs=3)
    assert np.ptp(columns) / 2 == pytest.approx(640 * RADIUS / 4, rel=0.05)
    assert frame.rgb.std() > 5
