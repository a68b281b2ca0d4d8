"""What goes wrong with keypoint files: one line that names the file and the field."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vimoflow.errors import InputError
from vimoflow.keypoints.formats import read_file, read_keypoints

POINTS = [float(v) for i in range(17) for v in (100 + 3 * i, 50 + 10 * i, 0.9)]


def openpose(points: list[float]) -> str:
    return json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": points}]})


def frames_folder(folder: Path, numbers: range | list[int], prefix: str = "a") -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{prefix}_{number:06d}_keypoints.json").write_text(openpose(POINTS))
    return folder


def coco(sizes: list[tuple[int, int]]) -> dict[str, Any]:
    images = [{"id": i, "width": w, "height": h} for i, (w, h) in enumerate(sizes)]
    people = [{"image_id": i, "keypoints": POINTS} for i in range(len(sizes))]
    return {"images": images, "annotations": people}


def two_recordings(path: Path) -> Path:
    frames_folder(path, range(4))
    return frames_folder(path, range(3), "b")


def two_formats(path: Path) -> Path:
    frames_folder(path, range(4))
    results = [{"image_id": "7.jpg", "keypoints": POINTS, "score": 1.0}]
    (path / "alphapose-results_9.json").write_text(json.dumps(results))
    return path


def unnumbered(path: Path) -> Path:
    frames_folder(path, range(4))
    (path / "alphapose-results.json").write_text("[]")
    return path


def far_gaps(path: Path) -> Path:
    return frames_folder(path, [0, 1, 900_000])


def not_a_number(path: Path) -> Path:
    frames_folder(path, range(4))
    (path / "a_000002_keypoints.json").write_text(openpose([float("nan")] * 51))
    return path


def nobody(path: Path) -> Path:
    path.mkdir()
    (path / "a_000000_keypoints.json").write_text('{"people": []}')
    return path


def other_sizes(path: Path) -> Path:
    path = path.with_suffix(".json")
    path.write_text(json.dumps(coco([(640, 480), (640, 480), (1280, 720)])))
    return path


def ragged_csv(path: Path) -> Path:
    path = path.with_suffix(".csv")
    path.write_text("frame,nose_x,nose_y,nose_c\n0,1,2,0.5\n1,1,2\n2,1,2,0.5\n")
    return path


def ragged_deeplabcut(path: Path) -> Path:
    path = path.with_suffix(".csv")
    path.write_text(
        "scorer,m,m,m\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1,2,0.5\n1,1,2\n2,1,2,0.5\n"
    )
    return path


@pytest.mark.parametrize(
    ("make", "named", "says"),
    [
        (two_recordings, "a_000000_keypoints.json", "both frame 0: two recordings in one folder"),
        (two_formats, "alphapose-results_9.json", "has no field 'people'"),
        (unnumbered, "alphapose-results.json", "is not numbered"),
        (far_gaps, "", "only 3 are there"),
        (not_a_number, "a_000002_keypoints.json", "'pose_keypoints_2d' holds a NaN"),
        (nobody, "", "no person in any frame"),
        (other_sizes, "", "'images' are 640x480 and 1280x720 pixels"),
        (ragged_csv, "", "row 2 holds 3 values, the header 4"),
        (ragged_deeplabcut, "", "row 2 holds 3 values, the header 4"),
    ],
)
def test_one_line_names_the_file_and_the_field(
    tmp_path: Path, make: Callable[[Path], Path], named: str, says: str
) -> None:
    path = make(tmp_path / "input")
    with pytest.raises(InputError) as caught:
        read_keypoints(path, fps=30.0)
    message = str(caught.value)
    assert says in message and named in message and str(path) in message and "\n" not in message


def test_small_gaps_in_the_numbering_are_frames_without_anybody(tmp_path: Path) -> None:
    keypoints = read_keypoints(frames_folder(tmp_path / "f", [3, 4, 7, 8]), fps=30.0)
    assert keypoints.observed.any(axis=1).tolist() == [True, True, False, False, True, True]


def test_a_picture_that_the_people_are_not_in(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(coco([(120, 100)])))
    with pytest.raises(InputError, match=r"a\.json.*outside of a picture of 120x100.*size"):
        read_keypoints(path, 30.0)
    folder = frames_folder(tmp_path / "frames", range(3))
    assert read_keypoints(folder, 30.0, image_size=(640, 480)).image_size == (640, 480)
    with pytest.raises(InputError, match="64x48"):
        read_keypoints(folder, 30.0, image_size=(64, 48))


def test_what_is_not_used_may_be_anything(tmp_path: Path) -> None:
    """Feet, faces and hands, which COCO's 17 points lack."""
    path = tmp_path / "a.json"
    halpe = [*POINTS, *[1.0] * 9, *[float("nan")] * 18]  # head, neck, hip; the feet
    path.write_text(json.dumps([{"image_id": "0.jpg", "keypoints": halpe, "score": 1.0}]))
    assert read_keypoints(path, 30.0).observed.all()


def test_files_without_a_frame_rate_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, reads = frames_folder(tmp_path / "frames", range(3)), []
    monkeypatch.setattr(Path, "read_bytes", _counted(Path.read_bytes, reads))
    found = read_file(folder, assumed_fps=25.0)
    assert found.rate_assumed and found.people[0].fps == pytest.approx(25.0) and len(reads) == 3
    assert not read_file(folder, 50.0, assumed_fps=25.0).rate_assumed
    with pytest.raises(InputError, match="give the frame rate"):
        read_file(folder)


def _counted(read: Callable[[Path], bytes], reads: list[Path]) -> Callable[[Path], bytes]:
    def counting(path: Path) -> bytes:
        reads.append(path)
        return read(path)

    return counting


def test_one_image_size_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(coco([(640, 480)] * 3)))
    assert read_keypoints(path, fps=30.0).image_size == (640, 480)


@pytest.mark.parametrize("in_folder", [False, True])
def test_four_gigabytes_are_refused_unread(tmp_path: Path, in_folder: bool) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    huge = folder / "a_000001_keypoints.json"
    with huge.open("wb") as file:
        file.write(b'{"people": [')
        file.truncate(4 << 30)  # sparse
    tracemalloc.start()
    with pytest.raises(InputError, match=r"larger than \d+ MiB") as caught:
        read_keypoints(folder if in_folder else huge, fps=30.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20 and huge.name in str(caught.value)
