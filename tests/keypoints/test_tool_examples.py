"""One minimal file a tool, built field by field as the tool documents it (docs/keypoints.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimoflow.keypoints.formats import read_file, read_people
from vimoflow.keypoints.joint_sets import BODY_25, COCO_18, HALPE_26, HALPE_136, coco_index

# What a keypoint's x is in the files below: ten times its number in COCO, and a hundred.
EXPECTED_X = 100.0 + 10.0 * np.arange(17)
# Each tool's order as its documentation lists it; the numbers are COCO's, -1 what COCO lacks, and
# pairs the points between which a tool has one more.
NECK, MID_HIP = (5, 6), (11, 12)
ORDERS = {
    "body_25": [0, NECK, 6, 8, 10, 5, 7, 9, MID_HIP, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3] + [-1] * 6,
    "body_25b": [*range(17), NECK] + [-1] * 7,
    "coco_18": [0, NECK, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3],
    "halpe_26": [*range(17)] + [-1] * 9,
    "halpe_136": [*range(17)] + [-1] * 119,
    "coco_17": [*range(17)],
}


def flat(order: str, shift: float = 0.0, confidence: float = 0.5) -> list[float]:
    """x, y, confidence of each point; points that COCO lacks lie far away."""
    cells = []
    for index in ORDERS[order]:
        at = sum(index) / 2 if isinstance(index, tuple) else index
        cells += [100.0 + 10 * at + shift, 50.0 + shift, confidence] if at >= 0 else [9e4] * 3
    return cells


def read(path: Path, document: Any) -> Any:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_people(path, 25.0)


@pytest.mark.parametrize("order", ["body_25", "body_25b", "coco_18"])
def test_openpose_folder(tmp_path: Path, order: str) -> None:
    names = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")
    for frame in (0, 2):  # a frame between is missing
        person = {"person_id": [-1], "pose_keypoints_2d": flat(order), **{n: [] for n in names}}
        name = f"dance_{frame:012d}_keypoints.json"
        (tmp_path / name).write_text(json.dumps({"version": 1.3, "people": [person]}))
    (one,) = read_people(tmp_path, 25.0)
    np.testing.assert_array_equal(one.points[0, :, 0], EXPECTED_X)
    assert (one.points[[0, 2], :, 2] == 0.5).all() and not one.observed[1].any()
    assert read_file(tmp_path, 25.0).format == "openpose"


@pytest.mark.parametrize("order", ["coco_17", "halpe_26", "halpe_136"])
def test_alphapose(tmp_path: Path, order: str) -> None:
    document = [
        {
            "image_id": f"{frame}.jpg", "category_id": 1, "keypoints": flat(order, shift, 3.0),
            "score": 2.5, "box": [90.0, 40.0, 200.0, 100.0], "idx": [who],
        }
        for frame in range(2) for who, shift in ((7, 0.0), (9, 500.0))
    ]  # fmt: skip
    people = {one.person: one for one in read(tmp_path / "a.json", document)}
    assert set(people) == {"7", "9"}
    np.testing.assert_array_equal(people["7"].points[1, :, 0], EXPECTED_X)
    assert (people["9"].points[..., 2] == 1).all()  # its heat maps exceed 1
    assert read_file(tmp_path / "a.json", 25.0).format == "alphapose"


def test_mmpose(tmp_path: Path) -> None:
    """`bbox` is a list in a list, since MMPose's code has a comma too many."""
    places = np.reshape(flat("coco_17"), (17, 3))
    instance = {
        "keypoints": places[:, :2].tolist(), "keypoint_scores": [0.5] * 17,
        "bbox": [[90.0, 40.0, 300.0, 80.0]], "bbox_score": 0.99,
    }  # fmt: skip
    frames = [{"frame_id": i, "instances": [instance] * (i != 2)} for i in (1, 2, 3)]
    document = {"meta_info": {"dataset_name": "coco", "num_keypoints": 17}, "instance_info": frames}
    for name, content in (("whole", document), ("frames", frames), ("image", [instance])):
        (one,) = read(tmp_path / f"{name}.json", content)
        np.testing.assert_array_equal(one.points[0, :, 0], EXPECTED_X)
        assert len(one) == (1 if name == "image" else 3)
        assert read_file(tmp_path / f"{name}.json", 25.0).format == "mmpose"


def test_coco_results_and_annotations(tmp_path: Path) -> None:
    entry = {"category_id": 1, "keypoints": flat("coco_17"), "score": 0.8}
    (one,) = read(tmp_path / "results.json", [{"image_id": i, **entry} for i in (40, 41)])
    np.testing.assert_array_equal(one.points[1, :, 0], EXPECTED_X)
    flags = [*flat("coco_17", confidence=2)[:48], 0, 0, 0]  # the last point is not labelled
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in (1, 2)]
    people = [
        {"id": i, "image_id": i, "category_id": 1, "keypoints": flags, "num_keypoints": 16,
         "track_id": 5} for i in (1, 2)
    ]  # fmt: skip
    (one,) = read(tmp_path / "a.json", {"images": images, "annotations": people, "categories": []})
    assert one.person == "5" and one.image_size == (640, 480)
    assert one.observed.sum() == 32 and not one.observed[:, 16].any()


def test_deeplabcut(tmp_path: Path) -> None:
    names = ("nose", "LShoulder", "left_hip", "tail")
    cells = ",".join("100.5,50,0.9" for _ in names)
    rows = [
        "scorer" + ",net" * 12,
        "bodyparts," + ",".join(f"{name},{name},{name}" for name in names),
        "coords" + ",x,y,likelihood" * 4,
        f"0,{cells}",
        "1" + "," * 12,
        f"2,{cells}",
    ]
    (one,) = read(tmp_path / "d.csv", "\n".join(rows))
    assert one.observed.sum(axis=1).tolist() == [3, 0, 3]
    assert one.points[0, 11].tolist() == [100.5, 50, 0.9]


def test_the_tools_names_of_the_points() -> None:
    assert [coco_index(n) for n in ("LHip", "right_knee", "Nose", "REye")] == [11, 14, 0, 2]
    assert coco_index("tail") is None and coco_index("Hip") is None and coco_index("Neck") is None
    for joint_set, order in (
        (BODY_25, "body_25"), (COCO_18, "coco_18"), (HALPE_26, "halpe_26"), (HALPE_136, "halpe_136")
    ):  # fmt: skip
        points = np.reshape(flat(order), (-1, 3))
        np.testing.assert_array_equal(joint_set.to_coco(points)[:, 0], EXPECTED_X)
