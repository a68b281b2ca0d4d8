"""FBX as the user's character: what the file holds stays, its bones point where the motion's do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import ufbx_judge
from character_examples import walk
from motion_examples import swinging_motion
from vimoflow import retarget
from vimoflow.characters.character_files import read_character
from vimoflow.errors import InputError
from vimoflow.formats.fbx_nodes import Record, from_bytes, properties, record, to_bytes
from vimoflow.formats.fbx_reader import read_fbx
from vimoflow.formats.fbx_writer import write_fbx
from vimoflow.formats.file_space import FileSpace
from vimoflow.motion.retarget_report import LIMB_BONES
from vimoflow.motion.skeleton import JOINT_NAMES, joint

MOTION = swinging_motion(20, 30.0)
WALK = walk(frames=20)
SPACES = [FileSpace(up, unit) for up, unit in (("y", "cm"), ("z", "m"), ("z", "mm"))]


def rolled(model: Record, rng: np.random.Generator) -> Record:
    """A joint whose angles stand between other turns, in another order, about another point."""
    turns = rng.uniform(-180, 180, (2, 3)).tolist()
    more = properties(
        ("RotationActive", "bool", "", "", 1),
        ("RotationOrder", "enum", "", "", int(rng.integers(6))),
        ("PreRotation", "Vector3D", "Vector", "", *turns[0]),
        ("PostRotation", "Vector3D", "Vector", "", *turns[1]),
        ("RotationPivot", "Vector3D", "Vector", "", *rng.uniform(-0.02, 0.02, 3).tolist()),
        ("Lcl Translation", "Lcl Translation", "", "A", *rng.uniform(-1, 1, 3).tolist()),
    )
    old = model.all("Properties70")[0].children
    names = {row.values[0] for row in more.children}
    rows = (*(row for row in old if row.values[0] not in names), *more.children)
    others = (part for part in model.children if part.name != "Properties70")
    return dataclasses.replace(model, children=(*others, record("Properties70", *rows)))


def user_file(path: Path, space: FileSpace, roll: bool, version: int = 7400) -> Record:
    """The mannequin as somebody's file, with records that we know nothing of."""
    write_fbx(MOTION, path, space)
    rng, root = np.random.default_rng(4), from_bytes(path.read_bytes())
    odd = record("Gadget", np.int16(3), np.float32(0.1), np.uint8(ord("Y")), b"\0\xff", "\udcfcber",
                 np.int64(9), np.arange(5, dtype="<i8"), record("Empty"))  # fmt: skip
    parts = tuple(
        dataclasses.replace(part, children=tuple(
            rolled(one, rng) if roll and one.name == "Model" and one.values[2] == "LimbNode"
            else one for one in part.children)) if part.name == "Objects" else part
        for part in root.children
    )  # fmt: skip
    path.write_bytes(to_bytes((*parts, odd), version, bytes(range(16))))
    return from_bytes(path.read_bytes())


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("version", [7400, 7700])
def test_what_was_read_is_written_again_byte_by_byte(
    space: FileSpace, version: int, tmp_path: Path
) -> None:
    write_fbx(MOTION, tmp_path / "m.fbx", space)
    data = (tmp_path / "m.fbx").read_bytes()
    root = from_bytes(data)
    assert to_bytes(root.children, *root.values) == data
    root = user_file(tmp_path / "u.fbx", space, True, version)
    assert root.values == (version, bytes(range(16)))
    assert to_bytes(root.children, *root.values) == (tmp_path / "u.fbx").read_bytes()


@pytest.mark.parametrize("version", [7400, 7700])
def test_the_users_file_stays_as_it_is(version: int, tmp_path: Path) -> None:
    before = user_file(tmp_path / "hero.fbx", SPACES[0], False, version)
    target = retarget(WALK, tmp_path / "hero.fbx", tmp_path / "out", name="motion").files[0]
    after = from_bytes(target.read_bytes())
    assert after.values == before.values and len(after.children) == len(before.children)
    for old, new in zip(before.children, after.children, strict=True):
        if old.name in ("Objects", "Connections"):
            assert new.children[: len(old.children)] == old.children
            added = new.children[len(old.children) :]
            assert {o.name for o in added} <= {
                "C", "AnimationStack", "AnimationLayer", "AnimationCurveNode", "AnimationCurve",
            }  # fmt: skip
        elif old.name != "Definitions":
            assert new == old
    numbers = [int(o.values[0]) for p in after.all("Objects") for o in p.children]
    counts = [int(p.values[0]) for d in after.all("Definitions") for p in d.all("Count")]
    assert len(set(numbers)) == len(numbers) and counts == [len(numbers) + 1]
    takes = read_fbx(target)
    assert [take.name for take in takes] == ["motion", "motion 2"]
    theirs = read_fbx(tmp_path / "hero.fbx")[0].source.p_world_joint
    assert np.array_equal(takes[0].source.p_world_joint, theirs)


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("roll", [False, True], ids=["plain", "rolled"])
def test_ufbx_sees_the_walk_on_the_users_bones(
    space: FileSpace, roll: bool, tmp_path: Path
) -> None:
    pytest.importorskip("ufbx")
    user_file(tmp_path / "hero.fbx", space, roll)
    result = retarget(WALK, tmp_path / "hero.fbx", tmp_path / "out", name="walk")
    found = ufbx_judge.posed(result.files[0], JOINT_NAMES, len(WALK), stack=1)[3]
    degrees = []
    for a, b in LIMB_BONES:
        ours = WALK.joint_positions[:, joint(b)] - WALK.joint_positions[:, joint(a)]
        theirs = found[:, joint(b)] - found[:, joint(a)]
        length = np.linalg.norm(MOTION.skeleton.offsets[joint(b)])
        assert np.abs(np.linalg.norm(theirs, axis=1) - length).max() < 1e-4
        cross = np.linalg.norm(np.cross(ours, theirs), axis=-1)
        degrees.append(np.degrees(np.arctan2(cross, (ours * theirs).sum(-1))).mean())
    assert max(degrees) < 1
    read = read_fbx(result.files[0])[1].source
    index = [read.joint_names.index(name) for name in JOINT_NAMES]
    assert np.abs(read.p_world_joint[:, index] - found).max() < 1e-4
    assert result.report.slide_mm is not None and result.report.slide_mm < 0.5


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_the_skin_stands_where_the_body_does(space: FileSpace, tmp_path: Path) -> None:
    from vimoflow.formats.body import load_body
    from vimoflow.formats.file_space import standing_m

    write_fbx(MOTION, tmp_path / "m.fbx", space)
    mesh, body = read_character(tmp_path / "m.fbx").mesh, load_body()
    assert mesh is not None
    assert np.abs(mesh.vertices - body.vertices - standing_m(MOTION)).max() < 1e-5
    assert np.array_equal(mesh.triangles, body.triangles)
    assert mesh.weights.sum(1) == pytest.approx(1)


def test_a_skin_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.fbx"
    write_fbx(MOTION, path)
    root = from_bytes(path.read_bytes())

    def broken(node: Record) -> Record:
        if node.name == "Indexes":
            return record("Indexes", node.values[0].numbers().astype("<i4") + 10**8)
        return dataclasses.replace(node, children=tuple(map(broken, node.children)))

    path.write_bytes(to_bytes(tuple(map(broken, root.children))))
    with pytest.raises(InputError, match="do not fit its mesh"):
        read_character(path)
