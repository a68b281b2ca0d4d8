"""Identities through crossings, exits and doubles; whole crossings of real motions at the end."""

from __future__ import annotations

import numpy as np
import pytest

from lab.corpora.tang2018 import read_tang2018_file
from lab.crossings import FORMATS, crossings, kept, write_shuffled
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import read_shards, write_shard
from vimoflow.keypoints.formats import read_people
from vimoflow.keypoints.people_sizes import box_height_px, figure_height_px
from vimoflow.keypoints.tracking import NOBODY, identities, similarity

STANDING = np.array(
    [(0, 0), (3, -3), (-3, -3), (6, 0), (-6, 0), (18, 25), (-18, 25), (22, 52), (-22, 52),
     (24, 76), (-24, 76), (11, 78), (-11, 78), (12, 118), (-12, 118), (13, 157), (-13, 157)],
    float,
)  # fmt: skip


def person(x: float, size: float = 1.0, sway: float = 0.0) -> np.ndarray:
    """Somebody upright about (x, 100), 170 px tall times ``size``."""
    points = STANDING * size * (1 + 0.1 * sway, 1) + (x, 100)
    return np.column_stack([points, np.full(17, 0.9)])


def shuffled(frames: list[list[tuple[int, np.ndarray]]], seed: int = 0):
    """Numbers of frames, points and true people of detections in random order."""
    rng = np.random.default_rng(seed)
    rows = [(k, who, points) for k, people in enumerate(frames) for who, points in people]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    return (
        np.array([k for k, _, _ in rows]),
        np.stack([points for _, _, points in rows]),
        np.array([who for _, who, _ in rows]),
    )


def assert_told_apart(frames: list[list[tuple[int, np.ndarray]]]) -> None:
    numbers, points, true = shuffled(frames)
    found = identities(numbers, points, 30.0)
    pairs = set(zip(true.tolist(), found.tolist(), strict=True))
    assert len(pairs) == len(set(true.tolist())), sorted(pairs)
    assert found.min() == 0


def test_two_who_pass_each_other_while_one_is_hidden() -> None:
    frames = []
    for k in range(90):
        left, right = person(100 + 4 * k), person(460 - 4 * k, 0.8)
        both = [(0, left), (1, right)]
        frames.append(both[:1] if abs(100 + 4 * k - (460 - 4 * k)) < 60 else both)
    assert_told_apart(frames)


def test_two_of_one_size_who_are_hidden_both_go_on() -> None:
    frames = [
        [] if 40 <= k < 50 else [(0, person(100 + 4 * k)), (1, person(460 - 4 * k))]
        for k in range(90)
    ]
    assert_told_apart(frames)


def test_who_leaves_for_two_seconds_is_the_same() -> None:
    frames = []
    for k in range(150):
        people = [(0, person(400 + 20 * np.sin(k / 9), sway=np.sin(k / 5)))]
        if not 45 <= k < 105:
            people.append((1, person(60 + abs(k - 75) - 45, 0.7)))
        frames.append(people)
    assert_told_apart(frames)


def test_a_stranger_of_another_size_elsewhere_is_somebody_else() -> None:
    frames = [[(0, person(100))] for _ in range(30)] + [[(1, person(900, 2.0))] for _ in range(30)]
    assert_told_apart(frames)


def test_a_double_is_nobody() -> None:
    frames = [[(0, person(100 + k))] for k in range(20)]
    double = person(111.0)
    double[:, 2] = 0.4
    frames[10].append((7, double))
    numbers, points, true = shuffled(frames)
    found = identities(numbers, points, 30.0)
    assert set(found[true == 7]) == {NOBODY} and set(found[true == 0]) == {0}


def test_time_may_be_read_backward() -> None:
    frames = [[(0, person(100 + 3 * k)), (1, person(400 - 3 * k, 0.8))] for k in range(80)]
    numbers, points, _ = shuffled(frames)
    ahead, back = (identities(n, points, 30.0) for n in (numbers, -numbers))
    assert len(set(zip(ahead.tolist(), back.tolist(), strict=True))) == 2


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_anybody(count: int) -> None:
    found = identities(np.zeros(count, int), np.stack([person(0)] * 2)[:count], 30.0)
    assert found.tolist() == [0] * count


def test_similarity_is_symmetric_scale_free_and_falls_with_distance() -> None:
    near, far = person(105), person(130)
    assert similarity(person(100), person(100)) == pytest.approx(1)
    assert similarity(person(100), near) > similarity(person(100), far) > 0
    assert similarity(near, far) == pytest.approx(similarity(far, near))
    twice = np.array((2, 2, 1))
    assert similarity(near * twice, far * twice) == pytest.approx(similarity(near, far))
    assert similarity(near, np.zeros((17, 3))) == 0


def test_heights_of_somebody_who_stands_and_who_crouches() -> None:
    upright = person(0)
    assert box_height_px(upright) == pytest.approx(160)
    assert figure_height_px(upright) == pytest.approx(175, rel=0.1)
    crouched = upright * (1, 0.5, 1)
    crouched[5:, 1] = upright[5:, 1]
    crouched[13:, 1] = crouched[11:13, 1].repeat(2)
    assert figure_height_px(crouched) == pytest.approx(figure_height_px(upright), rel=0.15)
    assert np.isnan(figure_height_px(np.zeros((17, 3))))


def test_crossings_of_real_motions(shared_data, tmp_path) -> None:
    """A small part of what `lab/crossings.py` measures."""
    files = [shared_data / "tang2018" / f"DANCE_{name}.npz" for name in ("C_8", "R_9")]
    recordings = [read_tang2018_file(file) for file in files]
    write_shard(recordings, tmp_path, "of the test's corpus", "https://example.org")
    shards = read_shards(tmp_path, "validation")
    for number, crossing in enumerate(crossings(shards, 4, seed=2)):
        name = FORMATS[number % 2]
        path = write_shuffled(crossing, tmp_path / f"{number}.json", name, number)
        assert kept(crossing, read_people(path, MODEL_FPS, (1280, 720))), number
