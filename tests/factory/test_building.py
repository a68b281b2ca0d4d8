"""Tiny videos to a whole data set: its files, its resumption and its identity."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import dataset_examples
from benchmark_examples import tiny_checkpoint
from vimoflow.data.corpora import CORPORA
from vimoflow.diffusion.checkpoint import save_checkpoint
from vimoflow.errors import ConfigError, InputError, OutputError
from vimoflow.factory.assembly import digest_of_folder
from vimoflow.factory.building import build
from vimoflow.factory.engine import EngineSettings
from vimoflow.factory.gates import MotionLimits
from vimoflow.formats.amass import read_amass
from vimoflow.keypoints.coco import COCO_NAMES

ALONE = EngineSettings(workers=0)
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(tiny_checkpoint(), path)
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Three videos, a copy of one under another name, a short one and a broken one."""
    folder = tmp_path_factory.mktemp("videos")
    for seed in (0, 1, 2):
        dataset_examples.write_video(folder / f"{seed}.mp4", seed)
    shutil.copy(folder / "0.mp4", folder / "zero.mp4")
    dataset_examples.write_video(folder / "short.mp4", 5, seconds=0.4)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "t.csv").write_text("video,label,licence,split\n1.mp4,waltz,CC0,train\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def built(videos, checkpoint, tmp_path_factory):
    """The data set, and what is in it."""
    output = tmp_path_factory.mktemp("built") / "set"
    settings = dataset_examples.settings(checkpoint)
    return output, build([videos, videos / "t.csv"], output, settings, ALONE)


def test_every_video_is_accounted_for(built):
    output, selection = built
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    rows = {row["name"]: row for row in manifest["videos"]}
    assert set(rows) == {"0.mp4", "1.mp4", "2.mp4", "zero.mp4", "short.mp4", "broken.mp4"}
    assert rows["zero.mp4"]["duplicate_of"] == "0.mp4"
    assert "not a video" in rows["broken.mp4"]["error"]
    assert rows["short.mp4"]["rejected"] == {"too short": 1}
    assert (rows["1.mp4"]["label"], rows["1.mp4"]["split"]) == ("waltz", "train")
    assert len(selection.accepted) == manifest["clips"] == 3
    assert "short.mp4" in (output / "rejected.csv").read_text("utf-8")


def test_no_place_of_this_machine_is_in_any_file(built, videos):
    output, _ = built
    for path in output.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(videos).encode() not in content and str(output).encode() not in content


def test_hugging_face_loads_it(built, monkeypatch, tmp_path):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    output, selection = built
    shards = [str(path) for path in sorted((output / "data").glob("train-*.parquet"))]
    files = datasets.load_dataset(
        "parquet", data_files=shards, split="train", cache_dir=str(tmp_path)
    )
    folder = datasets.load_dataset(str(output), cache_dir=str(tmp_path))
    assert sum(len(part) for part in folder.values()) == len(selection.accepted)
    assert set(files["id"]) == {clip.record.id for clip in selection.split("train")}
    row = files[0]
    motion = read_amass(output / "amass" / f"{row['id']}.npz")
    np.testing.assert_allclose(np.reshape(row["poses"], (-1, 24, 3)), motion.poses, atol=1e-5)
    np.testing.assert_allclose(row["trans"], motion.trans, atol=1e-5)
    assert np.shape(row["keypoints"]) == (30, 3 * len(COCO_NAMES))
    assert np.shape(row["other_poses"]) == (1, 30, 72)


def test_it_is_a_corpus(built):
    output, selection = built
    corpus = CORPORA["built"]
    recordings = [corpus.read_file(path) for path in corpus.list_files(output)]
    splits = {clip.record.id: clip.video.split for clip in selection.accepted}
    assert {r.name: r.split for r in recordings} == splits
    assert all(r.keypoints_px.shape == (1, len(r.motion), 17, 3) for r in recordings)


def test_the_contact_sheet_shows_files_that_exist(built):
    output, selection = built
    page = (output / "index.html").read_text("utf-8")
    for clip in selection.accepted:
        assert f"media/{clip.record.id}-strip.jpg" in page
        assert (output / "media" / f"{clip.record.id}-strip.jpg").is_file()


def test_order_and_names_of_folders_do_not_matter(built, videos, checkpoint, tmp_path):
    output, _ = built
    inputs = [videos / "t.csv", *sorted(videos.glob("*.mp4"), reverse=True)]
    settings = dataset_examples.settings(checkpoint)
    shutil.copytree(f"{output}.work", tmp_path / "elsewhere.work")
    shutil.rmtree(next((tmp_path / "elsewhere.work" / "animated").iterdir()))
    build(inputs, tmp_path / "elsewhere", settings, ALONE)
    assert digest_of_folder(tmp_path / "elsewhere") == digest_of_folder(output)


def test_finished_work_is_not_done_again(built, videos, checkpoint):
    output, _ = built
    work = Path(f"{output}.work")
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.npz")}
    strict = dataclasses.replace(
        dataset_examples.settings(checkpoint), motion_limits=MotionLimits(spread_mm=1e-3)
    )
    copy = output.with_name("strict")
    shutil.copytree(work, f"{copy}.work")
    started = time.time_ns()
    selection = build([videos], copy, strict, ALONE)
    assert not selection.accepted and len(selection.rejected) == 4
    fresh = [p for p in Path(f"{copy}.work").rglob("*.npz") if p.stat().st_mtime_ns > started]
    assert not fresh and before


def test_a_folder_of_something_else_is_not_replaced(videos, checkpoint, tmp_path):
    (tmp_path / "mine.txt").write_text("x", "utf-8")
    settings = dataset_examples.settings(checkpoint)
    with pytest.raises(OutputError, match="no data set"):
        build([videos], tmp_path, settings, ALONE)
    with pytest.raises(ConfigError, match="estimator"):
        wrong = dataclasses.replace(settings, estimator="nobody:Knows")
        build([videos], tmp_path / "x", wrong, ALONE)
    (tmp_path / "bad.mp4").mkdir()
    with pytest.raises(InputError):
        build([tmp_path / "bad.mp4"], tmp_path / "x", settings, ALONE)


def test_a_data_set_is_not_replaced_by_one_of_no_usable_video(built, checkpoint, tmp_path):
    shutil.copytree(built[0], tmp_path / "set")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    settings = dataset_examples.settings(checkpoint)
    with pytest.raises(InputError, match="not one of 1 videos"):
        build([tmp_path / "broken.mp4"], tmp_path / "set", settings, ALONE)
    assert digest_of_folder(tmp_path / "set") == digest_of_folder(built[0])


def test_a_killed_build_goes_on_to_the_same_bytes(built, videos, checkpoint, tmp_path):
    """SIGKILL of everything at two points: early, and when some clips are there."""
    output, _ = built
    again = tmp_path / "set"
    for files in (2, 7):
        run = start(videos, again, checkpoint, workers=0)
        wait_for_results(run, again, files)
        run.send_signal(signal.SIGKILL)
        run.wait()
    settings = dataset_examples.settings(checkpoint)
    build([videos, videos / "t.csv"], again, settings, ALONE)
    assert digest_of_folder(again) == digest_of_folder(output)


def start(videos, output, checkpoint, workers):
    paths = os.pathsep.join((str(TESTS), *(p for p in sys.path if p)))
    script = str(TESTS / "dataset_examples.py")
    return subprocess.Popen(
        [sys.executable, script, *map(str, (videos, output, checkpoint, workers))],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def wait_for_results(run, output, more):
    """Until so many more results have been written, or the run is through."""
    before = results(output)
    while run.poll() is None and results(output) < before + more:
        time.sleep(0.02)


def results(output):
    paths = Path(f"{output}.work").rglob("*.*")
    return sum(1 for path in paths if not path.name.startswith("."))


def descendants(pid):
    """Processes below one, by /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            child, parent = (
                int(stat.parent.name),
                int(stat.read_text().rsplit(")", 1)[1].split()[1]),
            )
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(child)
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def workers_at_work(run):
    names = [(pid, Path(f"/proc/{pid}/cmdline")) for pid in descendants(run.pid)]
    return [pid for pid, path in names if path.exists() and b"ray::attempt" in path.read_bytes()]


def kill(run, kind):
    """SIGKILL; returns how many were killed."""
    below = descendants(run.pid)
    victims = {
        "worker": workers_at_work(run)[:1], "driver": [run.pid], "everything": [run.pid, *below]
    }[kind]  # fmt: skip
    killed = 0
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            continue
    return killed


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_kills_of_worker_driver_and_everything_at_ten_points(built, videos, checkpoint, tmp_path):
    """Each kill when some more results are there; what is nearly complete is completed first."""
    pytest.importorskip("ray")
    output, again = built[0], tmp_path / "set"

    def complete():
        build([videos, videos / "t.csv"], again, dataset_examples.settings(checkpoint), ALONE)
        assert digest_of_folder(again) == digest_of_folder(output)
        shutil.rmtree(again)
        shutil.rmtree(f"{again}.work")

    rng = np.random.default_rng(0)
    kinds = rng.permutation(["worker"] * 3 + ["driver"] * 3 + ["everything"] * 4).tolist()
    killed = 0
    for kind, more in zip(kinds, rng.integers(0, 12, 10).tolist(), strict=True):
        if results(again) + more >= results(output):
            complete()
        run = start(videos, again, checkpoint, workers=2)
        wait_for_results(run, again, more)
        while kind == "worker" and run.poll() is None and not workers_at_work(run):
            time.sleep(0.02)
        killed += kill(run, kind) > 0
        if run.wait(timeout=600) == 0:
            complete()
        else:
            assert kind != "worker"
    assert killed >= 8  # a worker may be through, and so the run, before it is killed
    complete()
