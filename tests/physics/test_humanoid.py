"""The body: its mass, symmetry and strength, and that it stands."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

mujoco = pytest.importorskip("mujoco", reason="needs the extra [physics]")

from vimoflow.errors import ConfigError  # noqa: E402
from vimoflow.motion.skeleton import load_skeleton  # noqa: E402
from vimoflow.physics.anthropometry import segments  # noqa: E402
from vimoflow.physics.humanoid import Humanoid, humanoid_xml, make_humanoid  # noqa: E402
from vimoflow.physics.scene import Scene  # noqa: E402


@pytest.fixture(scope="module")
def humanoid() -> Humanoid:
    return make_humanoid(load_skeleton(), 70.0)


def test_it_weighs_what_is_asked_and_rests_on_the_skeletons_joints(humanoid):
    model, data = humanoid.model, mujoco.MjData(humanoid.model)
    mujoco.mj_kinematics(model, data)
    assert model.body_subtreemass[1] == pytest.approx(70, rel=1e-4)
    rest = load_skeleton().rest_positions()
    for at, name in enumerate(segments(), start=1):
        assert model.body(at).name == name  # MuJoCo's order is that of the states
    left, pelvis = data.body("left_wrist").xpos, data.body("pelvis").xpos
    x, y, z = rest[20] - rest[0]
    assert np.allclose(left - pelvis, (x, -z, y), atol=1e-5)


def test_both_sides_are_alike(humanoid):
    model = humanoid.model
    for name in segments():
        if name.startswith("left"):
            one, other = model.body(name).id, model.body(name.replace("left", "right")).id
            for array in (model.body_mass, model.body_inertia, model.body_subtreemass):
                assert np.allclose(array[one], array[other], rtol=1e-4)
            assert np.allclose(model.body_ipos[one] * (-1, 1, 1), model.body_ipos[other], atol=1e-5)


def test_shares_are_de_levas():
    parts = segments()
    assert sum(part.share for part in parts.values()) == pytest.approx(1)
    leg = sum(parts[f"left_{name}"].share for name in ("hip", "knee", "ankle", "foot"))
    assert leg == pytest.approx((14.78 + 4.81 + 1.29 + 14.16 + 4.33 + 1.37) / 200, abs=2e-3)
    trunk = ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")
    assert sum(parts[n].share for n in trunk) == pytest.approx((42.57 + 43.46) / 200, abs=2e-3)


@pytest.mark.parametrize(("factor", "mass"), [(1.0, None), (0.65, 20.0), (1.15, 120.0)])
def test_it_stands_still_for_five_seconds_within_its_strength(factor, mass):
    humanoid = make_humanoid(load_skeleton().scaled(factor), mass)
    model, data = humanoid.model, mujoco.MjData(humanoid.model)
    mujoco.mj_forward(model, data)
    start = data.qpos[:3].copy()
    mujoco.mj_step(model, data, nstep=1200)
    assert np.linalg.norm(data.qpos[:3] - start) < 0.05
    assert min(contact.dist for contact in data.contact) > -0.005
    assert np.abs(data.actuator_force / model.actuator_forcerange[:, 1]).max() < 0.3
    total = np.zeros(6)
    mujoco.mj_contactForce(model, data, 0, total)
    assert total[0] > 0


def test_the_text_is_the_whole_body():
    text = humanoid_xml(load_skeleton(), 70.0, Scene())
    assert mujoco.MjModel.from_xml_string(text).nu == 3 * (len(segments()) - 1)
    assert ElementTree.fromstring(text).get("model") == "vimoflow_humanoid"


@pytest.mark.parametrize(("factor", "mass"), [(100.0, None), (0.01, None), (1.0, -3.0), (1.0, 1e6)])
def test_no_such_person(factor, mass):
    with pytest.raises(ConfigError, match="outside"):
        make_humanoid(load_skeleton().scaled(factor), mass)
