"""Shards: what is written is read back; what is damaged is said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save, save_file

from vimoflow.data.manifest import RetargetSummary
from vimoflow.data.quality_gates import GateFinding
from vimoflow.data.recording import Recording, Split
from vimoflow.data.shards import (
    MANIFEST,
    ShardEntry,
    read_manifest,
    read_shard,
    read_shards,
    write_shard,
)
from vimoflow.errors import ConfigError, InputError, OutputError
from vimoflow.motion.clip import Motion
from vimoflow.motion.retarget import RetargetReport


def recording(seed: int, frames: int, views: int = 0, split: Split = "train") -> Recording:
    rng = np.random.default_rng(seed)
    motion = Motion(
        poses=rng.normal(size=(frames, 24, 3)).astype(np.float32),
        trans=rng.normal(size=(frames, 3)).astype(np.float32),
        fps=30.0,
        contacts=(rng.random((frames, 4)) > 0.5).astype(np.float32),
    )
    keypoints = rng.random((views, frames, 17, 3)).astype(np.float32) if views else None
    return Recording(
        f"take {seed}", "made-up", split, motion, keypoints,
        rng.random(views) if views else None, "floor work" if seed == 2 else "",
    )  # fmt: skip


def written(folder: Path) -> tuple[list[Recording], ShardEntry]:
    recordings = [recording(0, 20, views=2), recording(1, 7), recording(2, 11, views=3)]
    reasons = [("bad.pkl", "bad.pkl: cut")]
    return recordings, write_shard(recordings, folder, "CC BY 4.0", "us", reasons)


def test_recordings_come_back(tmp_path: Path) -> None:
    recordings, entry = written(tmp_path)
    assert read_manifest(tmp_path) == [entry]
    (shard,) = read_shards(tmp_path, "train")
    assert shard.entry == entry and entry.rejected == (("bad.pkl", "bad.pkl: cut"),)
    assert (entry.recordings, entry.frames, entry.hours) == (3, 38, round(38 / 108000, 4))
    assert shard.names == tuple(r.name for r in recordings)
    assert shard.groups == ("", "", "floor work")
    view = 0
    for row, r in enumerate(recordings):
        frames = slice(shard.starts[row], shard.starts[row + 1])
        np.testing.assert_array_equal(shard.poses[frames], r.motion.poses.reshape(-1, 72))
        np.testing.assert_array_equal(shard.trans[frames], r.motion.trans)
        np.testing.assert_array_equal(shard.contacts[frames], r.motion.contacts)
        if r.keypoints_px is None or r.heading_of_view is None:
            assert row not in shard.view_of
            continue
        for points, heading in zip(r.keypoints_px, r.heading_of_view, strict=True):
            start = shard.view_starts[view]
            np.testing.assert_array_equal(shard.keypoints[start : start + len(points)], points)
            assert shard.view_of[view] == row
            assert shard.view_headings[view] == pytest.approx(heading)
            view += 1
    assert view == len(shard.view_of) == 5
    assert shard.coco_truth.shape == (0, 17, 3)


def test_triangulated_points_come_back_or_are_all_there(tmp_path: Path) -> None:
    points = [np.random.default_rng(i).random((5, 17, 3)).astype(np.float32) for i in range(2)]
    given = [dataclasses.replace(recording(i, 5), coco_truth=p) for i, p in enumerate(points)]
    shard = read_shard(tmp_path, write_shard(given, tmp_path, "", ""))
    np.testing.assert_array_equal(shard.coco_truth, np.concatenate(points))
    with pytest.raises(ValueError, match="triangulated"):
        write_shard([given[0], recording(3, 5)], tmp_path, "", "")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        written(folder)
        contents.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"made-up-train.safetensors", MANIFEST}  # nothing temporary


def test_writing_again_replaces_the_entry_and_keeps_the_others(tmp_path: Path) -> None:
    written(tmp_path)
    write_shard([recording(5, 4, split="validation")], tmp_path, "", "")
    again = write_shard([recording(6, 3)], tmp_path, "", "")
    assert [(e.file, e.frames) for e in read_manifest(tmp_path)] == [
        ("made-up-train.safetensors", 3),
        ("made-up-validation.safetensors", 4),
    ]
    assert read_shard(tmp_path, again).names == ("take 6",)


def refused(folder: Path, entry: ShardEntry, verify: bool = True) -> str:
    with pytest.raises(InputError) as caught:
        read_shard(folder, entry, verify)
    assert entry.file in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    _, entry = written(tmp_path)
    path = tmp_path / entry.file
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert "checksum" in refused(tmp_path, entry)
    read_shard(tmp_path, entry, verify=False)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("size", [0, 5, 200, -100])
def test_a_torn_file_is_noticed(tmp_path: Path, size: int, verify: bool) -> None:
    _, entry = written(tmp_path)
    path = tmp_path / entry.file
    path.write_bytes(path.read_bytes()[:size])
    refused(tmp_path, entry, verify)


def test_a_missing_or_foreign_file_is_said(tmp_path: Path) -> None:
    _, entry = written(tmp_path)
    path = tmp_path / entry.file
    save_file({"weights": np.zeros(3)}, path)
    refused(tmp_path, entry, verify=False)
    path.unlink()
    refused(tmp_path, entry)


@pytest.mark.parametrize("field", ["poses", "trans", "contacts"])
def test_nan_is_not_written(tmp_path: Path, field: str) -> None:
    bad = recording(0, 20, views=2)
    getattr(bad.motion, field)[3] = np.nan
    with pytest.raises(InputError, match=f"'{field}' of a recording holds NaN"):
        write_shard([recording(1, 5), bad], tmp_path, "", "")
    assert not (tmp_path / MANIFEST).exists()


def test_the_file_is_what_the_library_would_write(tmp_path: Path) -> None:
    """Same tensors at the same places; only the library's metadata come in any order."""
    _, entry = written(tmp_path)
    path = tmp_path / entry.file
    again = save(load_file(path))
    content = path.read_bytes()
    header, theirs = (json.loads(c[8 : 8 + c[0] + 256 * c[1]]) for c in (content, again))
    assert {k: v for k, v in header.items() if k != "__metadata__"} == theirs
    assert content[8 + content[0] + 256 * content[1] :] == again[8 + again[0] + 256 * again[1] :]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_window_loads_its_own_pages_only(tmp_path: Path) -> None:
    """40 MB on disk; the resident set grows by a fraction of that until all is read."""

    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    import resource

    entry = write_shard([recording(0, 120_000)], tmp_path, "", "")
    size = (tmp_path / entry.file).stat().st_size
    read_shard(tmp_path, entry).poses[:10].sum()  # imports and buffers of the first time
    before = resident_bytes()
    shard = read_shard(tmp_path, entry)
    shard.poses[60_000:60_150].sum()
    window = resident_bytes() - before
    shard.poses.sum()
    assert window < size / 4 < size / 2 < resident_bytes() - before


def test_shards_without_a_corpus(tmp_path: Path) -> None:
    for corpus in ("a", "b", "c"):
        given = dataclasses.replace(recording(1, 5), corpus=corpus)
        write_shard([given], tmp_path, "", "")
    given = dataclasses.replace(recording(1, 5, split="validation"), corpus="d")
    write_shard([given], tmp_path, "", "")

    def left(*without: str) -> list[str]:
        return [s.entry.corpus for s in read_shards(tmp_path, "train", without=without)]

    assert left() == left("d") == ["a", "b", "c"]
    assert left("b") == ["a", "c"] and left("a", "c") == ["b"]
    with pytest.raises(InputError, match="no train shards without a, b, c"):
        left("a", "b", "c")
    with pytest.raises(ConfigError, match=r"cannot leave out 'B'.*only a, b, c, d"):
        left("B")


@pytest.mark.parametrize(
    ("licence", "barred"),
    [
        ("CC BY-NC 4.0", True),
        ("CC BY-NC-SA 4.0", True),
        ("AMASS: non-commercial scientific research", True),
        ("for research use only", True),
        ("CC BY 4.0", False),
        ("CC BY-SA 3.0", False),
        ("free for research and commercial use", False),
        ("not stated", False),
        ("INCLUDED IN ONCE", False),
    ],
)
def test_licences_that_bar_commercial_use(tmp_path: Path, licence: str, barred: bool) -> None:
    entry = write_shard([recording(0, 5)], tmp_path, licence, "")
    assert entry.bars_commercial_use == read_manifest(tmp_path)[0].bars_commercial_use == barred


def test_retargeting_and_findings_are_on_record(tmp_path: Path) -> None:
    reports = [
        RetargetReport(1.0, 0.1, 3.0, 0.01, 0.0, 0.5, 8.0, 0.02),
        RetargetReport(0.5, 0.1, 9.0, 0.03, 0.0, 1.5, 4.0, 0.06, "odd"),
    ]
    given = [
        dataclasses.replace(recording(i, 5), retarget=r) for i, r in enumerate([*reports, None])
    ]
    findings = [GateFinding("jumps", 2, ("take 0: 3 of 5 frames", "take 1: 1 of 5 frames"))]
    entry = write_shard(given, tmp_path, "", "", findings=findings)
    assert entry.retarget == RetargetSummary(2, 1.0, 8.0, 0.02, 0.06)
    assert entry.findings == tuple(findings)
    assert read_manifest(tmp_path) == [entry]


def test_manifests_of_older_and_newer_versions(tmp_path: Path) -> None:
    _, entry = written(tmp_path)
    path = tmp_path / MANIFEST
    content = json.loads(path.read_text())
    for row in content["shards"]:
        del row["retarget"], row["findings"]
    path.write_text(json.dumps(content))
    assert read_manifest(tmp_path) == [entry]
    path.write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(InputError, match="newer version"):
        read_manifest(tmp_path)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, limit_file_size) -> None:
    written(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with limit_file_size(4096), pytest.raises(OutputError, match="cannot be written") as caught:
        write_shard([recording(5, 1000)], tmp_path, "", "")
    assert "made-up-train.safetensors" in str(caught.value)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shards": [{"file": "x"}]}', '{"shards": 3}'])
def test_a_damaged_manifest_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json: not a shard manifest"):
        read_manifest(tmp_path)


def test_no_manifest_and_no_shard_of_a_split_is_said(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == []
    with pytest.raises(InputError, match="no train shards"):
        read_shards(tmp_path, "train")
    written(tmp_path)
    with pytest.raises(InputError, match="no validation shards"):
        read_shards(tmp_path, "validation")
