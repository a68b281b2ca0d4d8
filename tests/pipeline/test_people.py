"""Several people: who is chosen, everybody in one world, and the folders of `--person all`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from motion_examples import swinging_motion
from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.keypoints.formats import choose_person
from vimoflow.keypoints.keypoint_writers import write_keypoints
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.pipeline import GenerateOptions, generate
from vimoflow.pipeline.shared_world import place_together

SIZE = (1280, 720)


def seen(motion, place: tuple[float, float], focal: float, height: float, pitch: float, rng):
    """Keypoints with 2 cm of noise of a motion moved on the floor, by a camera at the origin."""
    R = torch.from_numpy(motion.local_rotations)
    p = forward_kinematics(R, torch.from_numpy(motion.trans).double())
    world = coco_points(*p).numpy() + np.array([place[0], 0, place[1]])
    world += rng.normal(0, 0.02, world.shape)
    up, back = world[..., 1] - height, -world[..., 2]
    depth = back * np.cos(pitch) - up * np.sin(pitch)
    down = -back * np.sin(pitch) - up * np.cos(pitch)
    x, y = focal * world[..., 0] / depth + 640, focal * down / depth + 360
    points = np.stack([x, y, np.full_like(x, 0.9)], -1)
    return Keypoints2D(points, np.arange(len(points)) / 30, SIZE)


@pytest.fixture(scope="module")
def scenes():
    """(motions, keypoints, true places) of ten scenes with two people."""
    rng, made = np.random.default_rng(3), []
    motion = swinging_motion(30)
    trans = motion.trans - motion.trans[:1] * (1, 0, 1)
    motions = [dataclasses.replace(motion, trans=trans * (s, 1, s)) for s in (0.2, -0.3)]
    for _ in range(10):
        places = [(rng.uniform(-1.5, 1.5), -rng.uniform(3.5, 7.0)) for _ in range(2)]
        camera = (rng.uniform(850, 1400), rng.uniform(1.1, 1.8), np.deg2rad(rng.uniform(0, 12)))
        keypoints = [seen(m, p, *camera, rng) for m, p in zip(motions, places, strict=True)]
        made.append((motions, keypoints, np.array(places)))
    return made


def test_people_stand_as_far_apart_as_they_did(scenes) -> None:
    errors = []
    for motions, keypoints, places in scenes:
        world = place_together(motions, keypoints)
        assert not world.offsets_m[0].any() and not world.offsets_m[:, 1].any()
        found = np.linalg.norm(world.offsets_m[1])
        errors.append(abs(found - np.linalg.norm(places[1] - places[0])))
    assert np.median(errors) < 0.25, errors


def test_who_is_farther_or_more_to_the_right_is_placed_so(scenes) -> None:
    for motions, keypoints, places in scenes:
        offset = place_together(motions, keypoints).offsets_m[1]
        true = places[1] - places[0]
        for found, wanted in zip(offset[[0, 2]], true, strict=True):
            assert abs(wanted) < 0.4 or np.sign(found) == np.sign(wanted)


def test_one_person_stays_where_the_motion_is(scenes) -> None:
    motions, keypoints, places = scenes[0]
    world = place_together(motions[:1], keypoints[:1])
    assert world.offsets_m.tolist() == [[0, 0, 0]]
    assert world.distances_m[0] == pytest.approx(np.linalg.norm(places[0]), rel=0.4)


def test_choosing_one_of_several(scenes) -> None:
    near, far = (dataclasses.replace(k, person=n) for k, n in zip(scenes[0][1], "ab", strict=True))
    middle = dataclasses.replace(far, points=far.points * (0, 0, 1) + (640, 360, 0))
    people = (near, middle)
    assert choose_person(people, "largest", "f") is near
    assert choose_person(people, None, "f") is near
    assert choose_person(people, "center", "f") is middle
    assert choose_person(people, "b", "f") is middle
    with pytest.raises(InputError, match=r"no person '3'.*'a', 'b'"):
        choose_person(people, "3", "f")
    named = (near, dataclasses.replace(near, person="center"))
    assert choose_person(named, "center", "f") is named[1]


def test_everybody_gets_a_folder_in_one_world(scenes, tmp_path: Path) -> None:
    _, keypoints, places = scenes[1]
    source = tmp_path / "two.json"
    write_keypoints(keypoints, source, "alphapose")
    out = tmp_path / "out"
    options = GenerateOptions(
        out, person="all", formats=("npz",), fps=30.0, image_size=SIZE, steps=1, refine=False
    )
    results = generate([source], options)
    assert [r.folder.name for r in results] == ["person_1", "person_2"]
    assert (out / "people.png").is_file()
    document = json.loads((out / "people.json").read_text())
    assert [one["folder"] for one in document["people"]] == ["person_1", "person_2"]
    starts = [load_motion_npz(r.folder / "motion.npz").trans[0] for r in results]
    offset = np.array(document["people"][1]["offset_m"])
    assert starts[0][[0, 2]] == pytest.approx((0, 0), abs=0.3)
    assert (starts[1] - offset)[[0, 2]] == pytest.approx((0, 0), abs=0.3)
    assert np.linalg.norm(offset) == pytest.approx(np.linalg.norm(places[1] - places[0]), abs=1.5)


def test_views_are_of_one_person(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--person all"):
        GenerateOptions(tmp_path, person="all", views=True)
