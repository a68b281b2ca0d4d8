"""Keypoints in the formats of other tools, field by field as those write them."""

from __future__ import annotations

import csv
import io
import json
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import OutputError
from vimoflow.files import output_errors, replacing, write_bytes
from vimoflow.keypoints.joint_sets import (
    BODY_25,
    COCO_17,
    COCO_18,
    HALPE_26,
    HALPE_136,
    JointSet,
)
from vimoflow.keypoints.own_format import write_keypoints_json
from vimoflow.keypoints.sequence import Keypoints2D

People = Sequence[Keypoints2D]


def write_keypoints(
    people: Keypoints2D | People, path: str | Path, format: str = "vimoflow"
) -> None:
    """Write people with the same frames; formats that hold one person take the first.

    Args:
        people: one, or several.
        path: a file; for OpenPose a folder, or a file that ends in ``.zip``.
        format: one of `FORMATS`.

    Raises:
        OutputError: the format is unknown, the folder exists, or nothing can be written there.
    """
    path = Path(path)
    people = [people] if isinstance(people, Keypoints2D) else people
    if format not in FORMATS:
        raise OutputError(f"{path}: no format {format!r}; there are {', '.join(FORMATS)}")
    with output_errors(path):
        FORMATS[format](people, path)


def _numbers(people: People) -> list[int]:
    """The people's own numbers; from 1 where not all have one."""
    names = [one.person for one in people]
    if len(set(names)) == len(names) and all(re.fullmatch("[0-9]{1,9}", name) for name in names):
        return [int(name) for name in names]
    return list(range(1, len(people) + 1))


def _names(people: People) -> list[str]:
    """The people's own names; ind1, ind2, ... where not all have one, as DeepLabCut's."""
    names = [one.person for one in people]
    if len(set(names)) == len(names) and all(names):
        return names
    return [f"ind{number}" for number in range(1, len(people) + 1)]


def _seen(people: People) -> Iterator[tuple[int, int, np.ndarray]]:
    """Frame, person's number, and points, of those who are seen."""
    numbers = _numbers(people)
    for frame in range(len(people[0])):
        for number, one in zip(numbers, people, strict=True):
            if one.points[frame, :, 2].any():
                yield frame, number, one.points[frame]


def _json(document: Any) -> bytes:
    return json.dumps(document, allow_nan=False).encode()


def _openpose(joint_set: JointSet) -> Callable[[People, Path], None]:
    empty = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d",
             "pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d",
             "hand_right_keypoints_3d")  # fmt: skip

    def write(people: People, path: Path) -> None:
        frames: list[list[dict[str, Any]]] = [[] for _ in range(len(people[0]))]
        for frame, number, points in _seen(people):
            values = joint_set.from_coco(points).ravel().tolist()
            who = [-1] if len(people) == 1 and not people[0].person else [number]
            person = {"person_id": who, "pose_keypoints_2d": values}
            frames[frame].append(person | {name: [] for name in empty})
        documents = {
            f"{path.stem}_{frame:012d}_keypoints.json": _json({"version": 1.3, "people": found})
            for frame, found in enumerate(frames)
        }
        if path.suffix.lower() == ".zip":
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in documents.items():
                    archive.writestr(name, content)
            write_bytes(path, stream.getvalue())
            return
        if path.exists():
            raise OutputError(f"{path}: exists; frames go to a new folder")
        with replacing(path) as partial:
            partial.mkdir()
            try:
                for name, content in documents.items():
                    (partial / name).write_bytes(content)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise

    return write


def _box(points: np.ndarray) -> list[float]:
    seen = points[points[:, 2] > 0, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def _alphapose(joint_set: JointSet) -> Callable[[People, Path], None]:
    def write(people: People, path: Path) -> None:
        entries = [
            {
                "image_id": f"{frame}.jpg", "category_id": 1,
                "keypoints": joint_set.from_coco(points).ravel().tolist(),
                "score": float(points[:, 2].mean()), "box": _box(points), "idx": number,
            }
            for frame, number, points in _seen(people)
        ]  # fmt: skip
        write_bytes(path, _json(entries))

    return write


def _coco(people: People, path: Path) -> None:
    entries = [
        {
            "image_id": frame, "category_id": 1, "keypoints": points.ravel().tolist(),
            "score": float(points[:, 2].mean()), "track_id": number,
        }
        for frame, number, points in _seen(people)
    ]  # fmt: skip
    write_bytes(path, _json(entries))


def _mmpose(people: People, path: Path) -> None:
    frames: list[dict[str, Any]] = [
        {"frame_id": frame, "instances": []} for frame in range(len(people[0]))
    ]
    for frame, number, points in _seen(people):
        x, y, width, height = _box(points)
        frames[frame]["instances"].append({
            "keypoints": points[:, :2].tolist(), "keypoint_scores": points[:, 2].tolist(),
            "bbox": [[x, y, x + width, y + height]], "bbox_score": float(points[:, 2].mean()),
            "track_id": number,
        })  # fmt: skip
    meta = {
        "dataset_name": "coco", "num_keypoints": 17,
        "keypoint_id2name": {str(i): name for i, name in enumerate(COCO_NAMES)},
        "keypoint_name2id": {name: i for i, name in enumerate(COCO_NAMES)},
    }  # fmt: skip
    write_bytes(path, _json({"meta_info": meta, "instance_info": frames}))


def _deeplabcut(people: People, path: Path) -> None:
    several = len(people) > 1 or bool(people[0].person)
    columns = [(who, name) for who in _names(people) for name in COCO_NAMES]
    rows: list[list[Any]] = [["scorer", *["vimoflow"] * (3 * len(columns))]]
    if several:
        rows.append(["individuals", *(who for who, _ in columns for _ in range(3))])
    rows.append(["bodyparts", *(name for _, name in columns for _ in range(3))])
    rows.append(["coords", *["x", "y", "likelihood"] * len(columns)])
    for frame in range(len(people[0])):
        cells = np.concatenate([one.points[frame] for one in people])
        rows.append(
            [frame, *(v for x, y, c in cells.tolist() for v in ((x, y, c) if c else ("",) * 3))]
        )
    _write_table(rows, path, ",")


def _plain_csv(people: People, path: Path) -> None:
    titles = [f"{name}_{axis}" for name in COCO_NAMES for axis in ("x", "y", "confidence")]
    rows: list[list[Any]] = [["frame", "time", "person", *titles]]
    for frame, time in enumerate(people[0].timestamps.tolist()):
        for who, one in zip(_names(people), people, strict=True):
            rows.append([frame, time, who, *one.points[frame].ravel().tolist()])
    _write_table(rows, path, ",")


def _trc(people: People, path: Path) -> None:
    """As Sports2D: pixels, y down, z 0; blank cells for what was not seen; no confidence."""
    one = people[0]
    count, fps = len(one), one.fps
    rows: list[list[Any]] = [
        ["PathFileType", "4", "(X/Y/Z)", path.name],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate",
         "OrigDataStartFrame", "OrigNumFrames"],
        [fps, fps, count, 17, "m", fps, 0, count],
        ["Frame#", "Time", *(cell for name in COCO_NAMES for cell in (_trc_name(name), "", ""))],
        ["", "", *(f"{axis}{i + 1}" for i in range(17) for axis in "XYZ")],
    ]  # fmt: skip
    for frame, time in enumerate(one.timestamps.tolist()):
        places = one.points[frame].tolist()
        rows.append(
            [frame, time, *(v for x, y, c in places for v in ((x, y, 0.0) if c else ("",) * 3))]
        )
    _write_table(rows, path, "\t")


def _trc_name(name: str) -> str:
    side, _, part = name.rpartition("_")
    return side[:1].upper() + part.capitalize()


def _write_table(rows: Sequence[Sequence[Any]], path: Path, delimiter: str) -> None:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows(rows)
    write_bytes(path, stream.getvalue().encode())


def _npz(people: People, path: Path) -> None:
    one = people[0]
    stream = io.BytesIO()
    who = {"person": np.array(one.person)} if one.person else {}
    np.savez_compressed(
        stream, points=one.points, timestamps=one.timestamps, image_size=one.image_size, **who
    )
    write_bytes(path, stream.getvalue())


def _aistpp(people: People, path: Path) -> None:
    views = np.stack([one.points for one in people])
    write_bytes(path, pickle.dumps({"keypoints2d": views}, protocol=4))


FORMATS: dict[str, Callable[[People, Path], None]] = {
    "vimoflow": lambda people, path: write_keypoints_json(people[0], path),
    "npz": _npz,
    "csv": _plain_csv,
    "openpose": _openpose(BODY_25),
    "openpose-coco18": _openpose(COCO_18),
    "openpose-halpe26": _openpose(HALPE_26),
    "alphapose": _alphapose(COCO_17),
    "alphapose-halpe26": _alphapose(HALPE_26),
    "alphapose-halpe136": _alphapose(HALPE_136),
    "mmpose": _mmpose,
    "coco": _coco,
    "deeplabcut": _deeplabcut,
    "trc": _trc,
    "aistpp": _aistpp,
}
