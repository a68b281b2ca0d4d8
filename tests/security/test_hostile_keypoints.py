"""Detectors' files made to exhaust memory, to escape a folder or to break a reader."""

from __future__ import annotations

import io
import json
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from vimoflow.cli.main import main
from vimoflow.errors import InputError
from vimoflow.keypoints.formats import read_people

MEMORY = 64 << 20  # bytes that a refusal may take
FLAT = [1.0, 2.0, 0.5] * 17


def results(**fields: Any) -> str:
    entry = {"image_id": 0, "category_id": 1, "keypoints": FLAT, "score": 1.0, **fields}
    return json.dumps([entry, {**entry, "image_id": 1} if "image_id" not in fields else entry])


def mmpose(instance: Any, frame: Any = 0) -> str:
    entry = {"frame_id": frame, "instances": [instance]}
    return json.dumps({"meta_info": {}, "instance_info": [entry]})


PLACES, SCORES = [[1.0, 2.0]] * 17, [0.5] * 17
TRC = "PathFileType\t4\n{}\n25\t25\t1\t1\nFrame#\tTime\tNose\n\tX1\n0\t{}\t{}\t9\t0\n"
HOSTILE = {
    "empty": "",
    "one bracket": "[",
    "truncated": results()[:90],
    "deep": "[" * 200_000,
    "deep in a field": '{"people": ' + "[" * 200_000,
    "NaN": results(keypoints=[float("nan"), 2.0, 0.5] * 17),
    "infinite": results(keypoints=[1e999, 2.0, 0.5] * 17),
    "an endless integer": '[{"image_id": 1, "keypoints": [' + "9" * 5000 + "]}]",
    "far away": results(keypoints=[1e30, 2.0, 0.5] * 17),
    "a huge frame number": results(image_id=10**12),
    "frames far apart": json.dumps(
        [{"image_id": i, "keypoints": FLAT, "idx": 1} for i in (0, 900_000_000)]
    ),
    "a negative frame": results(image_id=-1),
    "true for a frame": results(image_id=True),
    "names and numbers": json.dumps([{"image_id": i, "keypoints": FLAT} for i in (1, "b.jpg")]),
    "an object for points": results(keypoints={"a": 1}),
    "texts for points": results(keypoints=["x"] * 51),
    "no known number of points": results(keypoints=[1.0] * 33),
    "nothing for points": results(keypoints=None),
    "twice in a frame": results(image_id=3, track_id=1),
    "a crowd": json.dumps([{"image_id": 0, "keypoints": FLAT}] * 101),
    "texts for people": '{"people": "many"}',
    "numbers for people": '{"people": [1, 2]}',
    "nobody": '{"people": []}',
    "no instances": '{"instance_info": []}',
    "instances of nothing": mmpose(None),
    "frame of text": mmpose({"keypoints": PLACES, "keypoint_scores": SCORES}, "x"),
    "scores that do not fit": mmpose({"keypoints": PLACES, "keypoint_scores": [1.0]}),
    "three coordinates": mmpose({"keypoints": [[1.0] * 3] * 17, "keypoint_scores": SCORES}),
    "images of text": '{"images": "x", "annotations": []}',
    "annotations of text": '{"images": [], "annotations": [1]}',
    "scorer alone": "scorer,a\n",
    "a table without points": "frame,tail_x,tail_y\n0,1,2\n",
    "a word in a table": "frame,nose_x,nose_y\n0,one,2\n",
    "infinity in a table": "frame,nose_x,nose_y\n0,inf,2\n",
    "NaN for a frame": "frame,nose_x,nose_y\nnan,1,2\n",
    "a far frame in a table": "frame,nose_x,nose_y\n0,1,2\n1e9,1,2\n",
    "a long field": "frame," + "a" * 200_000 + "\n",
    "TRC of metres": TRC.format("", "0", "0.5").replace("\t9\t", "\t0.9\t"),
    "TRC without numbers": TRC.format("", "now", "5"),
    "TRC cut": "PathFileType\t4\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hostile.json"
    path.write_text(text)
    tracemalloc.start()
    with pytest.raises(InputError) as caught:
        read_people(path, 25.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    message = str(caught.value)
    assert path.name in message and "\n" not in message and len(message) < 1000
    assert peak < MEMORY


def archive(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in entries.items():
            zipped.writestr(name, content)
    return stream.getvalue()


FRAME = json.dumps({"people": [{"pose_keypoints_2d": [1.0, 2.0, 0.5] * 25}]}).encode()
ZIPS = {
    "a bomb": (archive({"a_0.json": b" " * (40 << 20)}), "larger than"),
    "many bombs": (archive({f"a_{i}.json": b" " * (3 << 20) for i in range(180)}), "unpacks"),
    "a path upwards": (archive({"../a_0.json": FRAME}), "refused"),
    "a path from the root": (archive({"/etc/a_0.json": FRAME}), "refused"),
    "a drive": (archive({"C:a_0.json": FRAME}), "refused"),
    "a number twice": (archive({"a_1.json": FRAME, "b_1.json": FRAME}), "are both frame 1"),
    "no numbers": (archive({"a.json": FRAME, "b.json": FRAME}), "not numbered"),
    "a broken frame": (archive({"a_0.json": FRAME[:9]}), "damaged"),
    "another document": (archive({"a_0.json": b"[]"}), "people"),
    "cut": (archive({"a_0.json": FRAME})[:-30], "hostile.zip"),
}


@pytest.mark.parametrize(("content", "reason"), ZIPS.values(), ids=ZIPS.keys())
def test_zip(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "hostile.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_people(path, 25.0)
    assert path.name in str(caught.value) and "\n" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["hostile.zip"]


@pytest.mark.parametrize("words", [("info",), ("convert", "{out}", "--to", "coco")])
@pytest.mark.parametrize("kind", ["empty", "truncated", "NaN", "deep", "a huge frame number"])
def test_the_command_says_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    kind: str,
) -> None:
    path, out = tmp_path / "hostile.json", tmp_path / "out.json"
    path.write_text(HOSTILE[kind])
    rest = [str(out) if word == "{out}" else word for word in words[1:]]
    monkeypatch.setattr(sys, "argv", ["vimoflow", "keypoints", words[0], str(path), *rest])
    with pytest.raises(SystemExit) as stop:
        main()
    lines = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and len(lines) == 1 and "hostile.json" in lines[0]
    assert not out.exists()
