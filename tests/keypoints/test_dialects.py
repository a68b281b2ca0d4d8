"""One performance in the dialects in which people have keypoint files: the same 17 points."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import InputError
from vimoflow.keypoints.formats import read_file
from vimoflow.keypoints.joint_sets import BODY_25, BODY_25B, COCO_18, HALPE_26, WHOLE_BODY_133
from vimoflow.notes import collected_notes

WIDTH, HEIGHT, FRAMES, FPS = 1280, 720, 5, 25.0
H36M = ("root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot",
        "spine", "thorax", "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist")  # fmt: skip
Build = Callable[[Path], Path]


def performance() -> np.ndarray:
    """COCO points of somebody who walks to the right, one ankle unseen in one frame."""
    places = [(0, -60), (5, -65), (-5, -65), (12, -62), (-12, -62), (30, 0), (-30, 0), (38, 45),
              (-38, 45), (40, 90), (-40, 90), (18, 100), (-18, 100), (20, 170), (-20, 170),
              (22, 240), (-22, 240)]  # fmt: skip
    points = np.full((FRAMES, 17, 3), 1.0)
    points[..., :2] = np.array(places) + np.array((400, 250))
    points[..., 0] += 8 * np.arange(FRAMES)[:, None]
    points[3, 16] = 0
    return points


def flat(points: np.ndarray, joint_set: Any = None, width: int = 3) -> list[float]:
    points = points if joint_set is None else joint_set.from_coco(points)
    return points[:, :width].reshape(-1).tolist()


def as_json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def openpose(folder: Path, person: Callable[[np.ndarray], dict[str, Any]], name: str) -> Path:
    folder = folder / "frames"
    folder.mkdir()
    for frame, points in enumerate(performance()):
        as_json(folder / name.format(frame), {"people": [person(points)]})
    return folder


def openpose_plain(name: str, joint_set: Any, field: str = "pose_keypoints_2d") -> Build:
    return lambda f: openpose(f, lambda p: {field: flat(p, joint_set)}, name)


def openpose_bare(joint_set: Any) -> Build:
    def person(points: np.ndarray) -> dict[str, Any]:
        return {"pose_keypoints_2d": flat(points, joint_set, 2)}

    return lambda folder: openpose(folder, person, "{:012d}_keypoints.json")


def openpose_shares(from_middle: bool) -> Build:
    def person(points: np.ndarray) -> dict[str, Any]:
        points = points / (WIDTH, HEIGHT, 1)
        if from_middle:
            points[:, :2] = 2 * points[:, :2] - 1
        return {"pose_keypoints_2d": flat(points, BODY_25)}

    return lambda folder: openpose(folder, person, "clip_{:012d}_keypoints.json")


def openpose_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "frames.zip", "w") as archive:
        for frame, points in enumerate(performance()):
            person = {"person_id": ["3"], "pose_keypoints_2d": flat(points, BODY_25)}
            archive.writestr(
                f"json/v_{frame:012d}_keypoints.json", json.dumps({"people": [person]})
            )
    return folder / "frames.zip"


def alphapose(**more: Any) -> Build:
    def build(folder: Path) -> Path:
        entries = [
            {"image_id": f"{n}.jpg", "category_id": 1, "keypoints": flat(p), "score": 2.5, **more}
            for n, p in enumerate(performance())
        ]
        return as_json(folder / "alphapose-results.json", entries)

    return build


def alphapose_by_image(field: str, inner: str) -> Build:
    def build(folder: Path) -> Path:
        frames = {
            f"{n}.jpg": {"version": "AlphaPose v0.3", field: [{inner: flat(p, COCO_18)}]}
            for n, p in enumerate(performance())
        }
        return as_json(folder / "alphapose-results.json", frames)

    return build


def mmpose(
    whole: bool = True, scores: bool = True, order: tuple[str, ...] = (), by_name: bool = False
) -> Build:
    def instance(points: np.ndarray) -> dict[str, Any]:
        if order:
            names = [name.replace("foot", "ankle") for name in order]
            rows = [points[COCO_NAMES.index(n)] if n in COCO_NAMES else np.ones(3) for n in names]
            points = np.stack(rows)
        found = {"keypoints": points[:, :2].tolist(), "bbox": [[1, 2, 3, 4]], "bbox_score": 0.9}
        return found | ({"keypoint_scores": points[:, 2].tolist()} if scores else {})

    def build(folder: Path) -> Path:
        frames = [
            {"frame_id": n + 1, "instances": [instance(p)]} for n, p in enumerate(performance())
        ]
        names = [name.replace("foot", "ankle") for name in order]
        meta: dict[str, Any] = {"dataset_name": "h36m" if order else "coco"}
        if order and by_name:
            meta["keypoint_name2id"] = {name: number for number, name in enumerate(names)}
        elif order:
            meta["keypoint_id2name"] = {str(number): name for number, name in enumerate(names)}
        document = {"meta_info": meta, "instance_info": frames}
        return as_json(folder / "results.json", document if whole else frames)

    return build


def coco_results(folder: Path) -> Path:
    entries = [
        {"image_id": 139 + n, "category_id": 1, "keypoints": flat(p), "score": 0.9}
        for n, p in enumerate(performance())
    ]
    return as_json(folder / "person_keypoints_results.json", entries)


def coco_annotations(
    order: tuple[str, ...] = (), ids: tuple[int, ...] = (), images: Callable[[int], Any] = str
) -> Build:
    """With names of points in the category, and ids of images in no order of time."""

    def build(folder: Path) -> Path:
        numbers = ids or tuple(range(1, FRAMES + 1))
        names = order or COCO_NAMES
        rows = [COCO_NAMES.index(name) for name in names]
        return as_json(folder / "annotations.json", {
            "images": [{"id": i, "width": WIDTH, "height": HEIGHT, **images(n)}
                       for n, i in enumerate(numbers)],
            "annotations": [
                {"id": 7 * i, "image_id": i, "category_id": 1, "keypoints": flat(p[rows])}
                for i, p in zip(numbers, performance(), strict=True)
            ] + [{"id": 1000, "image_id": numbers[0], "category_id": 2, "bbox": [0, 0, 5, 5]}],
            "categories": [{"id": 1, "name": "person", "keypoints": list(names)},
                           {"id": 2, "name": "ball"}],
        })  # fmt: skip

    return build


def deeplabcut(people: tuple[str, ...] = (), names: tuple[str, ...] = COCO_NAMES) -> Build:
    def build(folder: Path) -> Path:
        who = people or ("",)
        header = ["scorer" + ",net" * (3 * 17 * len(who))]
        if people:
            header.append("individuals," + ",".join(p for p in people for _ in range(51)))
        header.append("bodyparts," + ",".join(n for _ in who for n in names for _ in range(3)))
        header.append("coords" + ",x,y,likelihood" * (17 * len(who)))
        rows = []
        for number, points in enumerate(performance()):
            cells = [str(v) if c else "" for x, y, c in points for v in (x, y, c)]
            rows.append(",".join([str(number), *cells, *[""] * (51 * (len(who) - 1))]))
        path = folder / "videoDLC_resnet50.csv"
        path.write_text("\n".join(header + rows) + "\n")
        return path

    return build


def csv_table(with_time: bool, ending: str = "\n", confidence: str = "confidence") -> Build:
    def build(folder: Path) -> Path:
        columns = [f"{n}_{a}" for n in COCO_NAMES for a in ("x", "y", confidence)]
        lines = [",".join(["frame", *(["time"] if with_time else []), *columns])]
        for number, points in enumerate(performance()):
            cells = [repr(float(v)) for v in points.reshape(-1)]
            time = [repr(number / FPS)] if with_time else []
            lines.append(",".join([str(number), *time, *cells]))
        path = folder / "points.csv"
        path.write_bytes(b"\xef\xbb\xbf" * (ending != "\n") + (ending.join(lines)).encode())
        return path

    return build


def trc(units: str, names: tuple[str, ...] = COCO_NAMES, gap: bool = False) -> Build:
    def build(folder: Path) -> Path:
        head = ["PathFileType\t4\t(X/Y/Z)\ta_px_person00.trc",
                "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\t"
                "OrigDataStartFrame\tOrigNumFrames",
                f"{FPS:g}\t{FPS:g}\t{FRAMES}\t17\t{units}\t{FPS:g}\t0\t{FRAMES}",
                "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
                "\t\t" + "\t".join(f"{a}{n + 1}" for n in range(17) for a in "XYZ")]  # fmt: skip
        rows = [""] if gap else []
        for number, points in enumerate(performance()):
            cells = [f"{x!r}\t{y!r}\t0.0" if c else "\t\t" for x, y, c in points.tolist()]
            rows.append(f"{number}\t{number / FPS}\t" + "\t".join(cells))
        path = folder / "a_px_person00.trc"
        path.write_text("\n".join(head + rows) + "\n")
        return path

    return build


def own(**changes: Any) -> Build:
    def build(folder: Path) -> Path:
        document = {"format": "vimoflow-keypoints", "version": 1, "fps": FPS,
                    "points": performance().tolist(), "image_size": [WIDTH, HEIGHT]}  # fmt: skip
        document = {k: v for k, v in (document | changes).items() if v is not None}
        return as_json(folder / "own.json", document)

    return build


def trailing_junk(folder: Path) -> Path:
    path = own()(folder)
    path.write_bytes(path.read_bytes() + b"\n}\0\0")
    return path


def npz(**changes: Any) -> Build:
    def build(folder: Path) -> Path:
        arrays = {"points": performance(), "fps": FPS, "image_size": (WIDTH, HEIGHT)} | changes
        np.savez(folder / "k.npz", **{k: v for k, v in arrays.items() if v is not None})
        return folder / "k.npz"

    return build


def aistpp(protocol: int, views: int = 1, stamps: bool = True) -> Build:
    def build(folder: Path) -> Path:
        data = {"keypoints2d": np.stack([performance()] * views)}
        if stamps:
            data["timestamps"] = np.arange(FRAMES) * 1_000_000 / 60
        path = folder / "gBR_sBM_cAll_d04_mBR0_ch01.pkl"
        path.write_bytes(pickle.dumps(data, protocol=protocol))
        return path

    return build


SIZE = (WIDTH, HEIGHT)
DIALECTS: dict[str, tuple[Build, tuple[int, int] | None]] = {
    "own, a rate": (own(), None),
    "own, times": (own(fps=None, timestamps=[i / FPS for i in range(FRAMES)]), None),
    "own, no size": (own(image_size=None), None),
    "own, trailing junk": (trailing_junk, None),
    "npz, a rate": (npz(), None),
    "npz, times": (npz(fps=None, timestamps=np.arange(FRAMES) / FPS), None),
    "npz, single precision": (npz(points=performance().astype(np.float32)), None),
    "csv": (csv_table(True), None),
    "csv, no times": (csv_table(False), None),
    "csv of Excel": (csv_table(True, "\r\n"), None),
    "csv, scores": (csv_table(False, confidence="score"), None),
    "openpose BODY_25": (openpose_plain("v_{:012d}_keypoints.json", BODY_25), None),
    "openpose BODY_25B": (openpose_plain("{:012d}_keypoints.json", BODY_25B), None),
    "openpose before 2018": (openpose_plain("a{}.json", COCO_18, "pose_keypoints"), None),
    "openpose zip": (openpose_zip, None),
    "openpose x, y of 18": (openpose_bare(COCO_18), None),
    "openpose x, y of 17": (openpose_bare(None), None),
    "openpose x, y of 25": (openpose_bare(BODY_25), None),
    "openpose x, y of 26": (openpose_bare(HALPE_26), None),
    "openpose scale 3": (openpose_shares(False), SIZE),
    "openpose scale 4": (openpose_shares(True), SIZE),
    "Pose2Sim Halpe-26": (openpose_plain("cam_{:06d}.json", HALPE_26), None),
    "DWPose 133": (openpose_plain("{:05d}_keypoints.json", WHOLE_BODY_133), None),
    "alphapose": (alphapose(box=[1, 2, 3, 4], idx=[1]), None),
    "alphapose, untracked": (alphapose(), None),
    "alphapose PoseFlow": (alphapose(idx=1.0), None),
    "alphapose cmu": (alphapose_by_image("bodies", "joints"), None),
    "alphapose open": (alphapose_by_image("people", "pose_keypoints_2d"), None),
    "mmpose": (mmpose(), None),
    "mmpose, frames alone": (mmpose(whole=False), None),
    "mmpose, no scores": (mmpose(scores=False), None),
    "mmpose, Human3.6M": (mmpose(order=H36M), None),
    "mmpose, names to numbers": (mmpose(order=H36M, by_name=True), None),
    "mmpose, backwards": (mmpose(order=COCO_NAMES[::-1]), None),
    "coco results": (coco_results, None),
    "coco annotations": (coco_annotations(images=lambda n: {}), None),
    "coco, ids of no order": (
        coco_annotations(ids=(50, 3, 9, 1, 7), images=lambda n: {"file_name": f"f_{n:05d}.jpg"}),
        None,
    ),
    "coco, every tenth frame": (
        coco_annotations(images=lambda n: {"file_name": f"f_{10 * n + 5}.png"}), None
    ),
    "coco, frame numbers": (
        coco_annotations(ids=(5, 4, 3, 2, 1), images=lambda n: {"frame_id": n}), None
    ),
    "coco, own order of points": (
        coco_annotations(order=COCO_NAMES[::-1], images=lambda n: {"file_name": f"{n}.jpg"}), None
    ),
    "deeplabcut": (deeplabcut(), None),
    "deeplabcut, animals": (deeplabcut(("mouse1", "mouse2")), None),
    "deeplabcut, other spellings": (
        deeplabcut(names=tuple(n.replace("_", " ").title() for n in COCO_NAMES)), None
    ),
    "trc of Sports2D": (trc("m"), None),
    "trc, px": (trc("px"), None),
    "trc, short names": (
        trc("px", tuple(n[0].upper() + n.split("_")[1].title() if "_" in n else "Nose"
                        for n in COCO_NAMES)), None
    ),
    "trc, a blank line": (trc("px", gap=True), None),
    "aistpp": (aistpp(2), None),
    "aistpp, protocol 4": (aistpp(4), None),
    "aistpp, views": (aistpp(3, views=2), None),
}  # fmt: skip


def seen_only(points: np.ndarray) -> np.ndarray:
    return points * (points[..., 2:] > 0)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_same_points(tmp_path: Path, name: str) -> None:
    build, size = DIALECTS[name]
    with collected_notes():
        found = read_file(build(tmp_path), None, size, assumed_fps=FPS)
    one = found.people[0]
    expected = performance()
    if "Human3.6M" in name or "names to numbers" in name:
        expected[:, :5] = 0  # it has no face
    if "no scores" in name:
        expected[3, 16] = one.points[3, 16]  # 0, 0 cannot be told from not found
    np.testing.assert_allclose(one.points, seen_only(expected), atol=2e-3)
    rate = 60.0 if "aistpp" in name else FPS
    np.testing.assert_allclose(one.timestamps, np.arange(FRAMES) / rate, atol=1e-6)


def test_every_format_of_the_page_has_three_dialects() -> None:
    page = Path(__file__).parents[2] / "docs" / "keypoints.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    kinds = {row.split("`")[1].split("-")[0] for row in rows}
    of = {"vimoflow": ("own",), "openpose": ("openpose", "Pose2Sim", "DWPose")}
    for kind in kinds:
        count = sum(name.startswith(of.get(kind, (kind,))) for name in DIALECTS)
        assert count >= 3, kind


def complaints() -> Iterator[tuple[str, Build, str]]:
    def space(folder: Path) -> Path:
        path = trc("px")(folder)
        path.write_text(path.read_text().replace("\t0.0", "\t0.7"))
        return path

    yield "shares", openpose_shares(False), r"shares of the picture.*--size 1920x1080"
    yield "millimetres", trc("mm"), "'Units' are 'mm'"
    yield "space", space, "third coordinate"


@pytest.mark.parametrize(("name", "build", "says"), list(complaints()))
def test_what_is_not_pixels_is_said(tmp_path: Path, name: str, build: Build, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_file(build(tmp_path), None, None, assumed_fps=FPS)


@pytest.mark.parametrize("count", [17, 18, 25, 26])
def test_without_confidence_what_lies_at_zero_is_unseen_and_said_once(
    tmp_path: Path, count: int
) -> None:
    sets = {17: None, 18: COCO_18, 25: BODY_25, 26: HALPE_26}
    with collected_notes() as notes:
        (one,) = read_file(openpose_bare(sets[count])(tmp_path), FPS).people
    assert set(np.unique(one.points[..., 2])) == {0.0, 1.0}
    assert np.argwhere(~one.observed).tolist() == [[3, 16]]
    assert len(notes) == 1 and "confidence" in notes[0] and str(tmp_path) in notes[0]


def test_a_damaged_frame_costs_itself_and_is_said(tmp_path: Path) -> None:
    folder = openpose_plain("v_{:012d}_keypoints.json", BODY_25)(tmp_path)
    (folder / "v_000000000002_keypoints.json").write_text('{"people": [')
    with collected_notes() as notes:
        (one,) = read_file(folder, FPS).people
    assert one.observed.any(axis=1).tolist() == [True, True, False, True, True]
    assert len(notes) == 1 and "1 of 5 frames" in notes[0]


def test_a_last_row_that_was_cut_is_left_out_and_said(tmp_path: Path) -> None:
    path = csv_table(True)(tmp_path)
    path.write_text(path.read_text()[:-30])
    with collected_notes() as notes:
        (one,) = read_file(path).people
    assert len(one) == FRAMES - 1 and len(notes) == 1 and "of 53 values" in notes[0]


@pytest.mark.parametrize("count", [1, 2])
def test_a_single_frame_is_a_recording(tmp_path: Path, count: int) -> None:
    for build in (own(points=performance()[:count].tolist()), npz(points=performance()[:count])):
        (one,) = read_file(build(tmp_path)).people
        assert len(one) == count
