"""``data prepare`` on a small synthetic AIST++ folder, as a folder and as an archive."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from vimoflow.data.prepare import prepare
from vimoflow.data.shards import read_manifest, read_shards
from vimoflow.errors import ConfigError, InputError

VALIDATION_NAME = "gJS_sBM_cAll_d03_mJS2_ch07"
SCALING = 90.0


def write_sequence(root: Path, name: str, seed: int, frames: int = 20) -> None:
    """One sequence at 60 fps, nine views, some detections missing."""
    rng = np.random.default_rng(seed)
    motion = {
        "smpl_poses": rng.normal(0, 0.2, (frames, 72)),
        "smpl_trans": SCALING
        * (rng.normal(0, 0.01, (frames, 3)).cumsum(0) + np.array([0, 0.9, 0])),
        "smpl_scaling": np.array([SCALING]),
    }
    points = rng.uniform(100, 900, (9, frames, 17, 3))
    points[..., 2] = 0.9
    points[3, 4] = np.nan
    triangulated = SCALING * rng.normal(0, 0.5, (frames, 17, 3))
    for folder, data in (
        ("motions", motion),
        ("keypoints2d", {"keypoints2d": points}),
        ("keypoints3d", {"keypoints3d_optim": triangulated}),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / f"{name}.pkl").write_bytes(pickle.dumps(data))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Nine good sequences, of which one is validation, and one that is on the ignore list."""
    root = tmp_path / "aistpp"
    names = [f"made_up_{i}" for i in range(8)] + [VALIDATION_NAME, "ignored"]
    for seed, name in enumerate(names):
        write_sequence(root, name, seed)
    (root / "cameras").mkdir()
    view = {
        "size": [1920, 1080], "matrix": np.diag([1500.0, 1500, 1]).tolist(),
        "translation": [0, 160, 500], "distortions": [0.0] * 5,
    }  # fmt: skip
    views = [{**view, "name": f"c{i}", "rotation": [3.1, 0.1 * i, 0]} for i in range(9)]
    (root / "cameras" / "setting1.json").write_text(json.dumps(views))
    (root / "cameras" / "mapping.txt").write_text("".join(f"{n} setting1\n" for n in names))
    (root / "splits").mkdir()
    (root / "splits" / "ignore_list.txt").write_text("ignored\n")
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def archived(root: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(root.rglob("*")):
            archive.add(file, file.relative_to(root), recursive=False)
    return path


def test_a_folder_becomes_two_shards(corpus: Path, tmp_path: Path) -> None:
    entries = prepare("aistpp", [corpus], tmp_path / "out", workers=1)
    assert read_manifest(tmp_path / "out") == entries
    (train,) = read_shards(tmp_path / "out", "train")
    (validation,) = read_shards(tmp_path / "out", "validation")
    assert train.names == tuple(f"made_up_{i}" for i in range(8))
    assert validation.names == (VALIDATION_NAME,)
    assert train.entry.licence == "CC BY 4.0"
    assert train.entry.frames == 8 * 10  # 60 to 30 fps
    assert len(train.view_of) == 8 * 9 and train.keypoints.shape == (8 * 9 * 10, 17, 3)
    gone = train.keypoints.reshape(8, 9, 10, 17, 3)[:, 3, 2]
    assert not gone.any()  # frame 4 at 60 fps
    assert train.coco_truth.shape == (80, 17, 3)


def test_an_archive_is_the_same_and_so_is_any_number_of_workers(
    corpus: Path, tmp_path: Path
) -> None:
    archive = archived(corpus, tmp_path / "aistpp.tar.gz")
    prepare("aistpp", [corpus], tmp_path / "folder", workers=1)
    prepare("aistpp", [archive], tmp_path / "archive", workers=2)
    assert contents(tmp_path / "folder") == contents(tmp_path / "archive")


def test_a_bad_file_is_rejected_with_its_reason(corpus: Path, tmp_path: Path) -> None:
    (corpus / "motions" / "made_up_3.pkl").write_bytes(b"not a pickle")
    (corpus / "keypoints2d" / "made_up_5.pkl").write_bytes(b"")
    prepare("aistpp", [corpus], tmp_path / "out", workers=1)
    (train,) = read_shards(tmp_path / "out", "train")
    assert "made_up_3" not in train.names and len(train.names) == 6
    (first, reason), (second, _) = train.entry.rejected
    assert (first, second) == ("made_up_3.pkl", "made_up_5.pkl")
    assert reason.startswith("made_up_3.pkl: not a plain AIST++ pickle")
    text = (tmp_path / "out" / "manifest.json").read_text()
    assert str(tmp_path) not in text  # no path of one machine


def test_a_sequence_that_misses_a_camera_or_frames_is_rejected(
    corpus: Path, tmp_path: Path
) -> None:
    mapping = corpus / "cameras" / "mapping.txt"
    mapping.write_text(mapping.read_text().replace("made_up_1 setting1\n", ""))
    write_sequence(corpus, "other", 5, frames=30)
    os.replace(corpus / "keypoints2d" / "other.pkl", corpus / "keypoints2d" / "made_up_2.pkl")
    (corpus / "motions" / "other.pkl").unlink()
    prepare("aistpp", [corpus], tmp_path / "out", workers=1)
    reasons = dict(read_manifest(tmp_path / "out")[0].rejected)
    assert "no camera setting" in reasons["made_up_1.pkl"]
    assert "15 frames, the motion 10" in reasons["made_up_2.pkl"]


def refused(source: str, path: Path, output: Path) -> str:
    with pytest.raises((InputError, ConfigError)) as caught:
        prepare(source, [path], output, workers=1)
    assert "\n" not in str(caught.value)
    assert not output.exists()
    return str(caught.value)


def test_nothing_usable_is_said(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "aistpp" in refused("no-such-corpus", corpus, out)
    assert "no aistpp files" in refused("aistpp", tmp_path, out)
    assert "holds no" in refused("mass", corpus, out)
    for path in (corpus / "motions").iterdir():
        path.write_bytes(b"")
    assert "all 9 files rejected" in refused("aistpp", corpus, out)


def test_what_is_no_archive_is_said(corpus: Path, tmp_path: Path) -> None:
    out, archive = tmp_path / "out", archived(corpus, tmp_path / "aistpp.tar.gz")
    assert "neither a folder nor" in refused("aistpp", tmp_path / "missing", out)
    (tmp_path / "text").write_text("hello")
    assert "neither a folder nor" in refused("aistpp", tmp_path / "text", out)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[:-2000])
    assert "damaged" in refused("aistpp", cut, out)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2 :: 997] = bytes(len(content[len(content) // 2 :: 997]))
    cut.write_bytes(content)
    assert "damaged" in refused("aistpp", cut, out)


@pytest.mark.parametrize("kind", ["parent", "absolute", "link"])
def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path, kind: str) -> None:
    outside, path = tmp_path / "escaped.pkl", tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("../../../../../.." + str(outside) if kind != "absolute" else "x")
        if kind == "absolute":
            info.type, info.linkname = tarfile.SYMTYPE, str(outside)
        if kind == "link":
            info = tarfile.TarInfo("motions")
            info.type, info.linkname = tarfile.SYMTYPE, "../../.."
        info.size = 5 if kind == "parent" else 0
        archive.addfile(info, io.BytesIO(b"gotya") if kind == "parent" else None)
    assert "unsafe" in refused("aistpp", path, tmp_path / "out")
    assert not outside.exists()


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus: Path
) -> None:
    archive = archived(corpus, tmp_path / "aistpp.tar.gz")
    monkeypatch.setattr("vimoflow.data.prepare._MAX_UNPACKED", 1000)
    assert "unpacks to more than" in refused("aistpp", archive, tmp_path / "out")
