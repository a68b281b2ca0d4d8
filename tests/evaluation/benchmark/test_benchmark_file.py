"""Benchmarks as data: what a manifest selects, and what it must not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark_examples import write_shards
from vimoflow.data.shards import read_shards
from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.benchmark.benchmark_file import benchmark_cases, read_manifest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
GOOD = """
name = "mine"
seeds = [3, 4]
samples = 2
[[clips]]
corpus = "filmed"
source = "detections"
views = [3, 1]
[[clips]]
corpus = "plain"
source = "noisy"
groups = ["run"]
limit = 2
title = "plain, noisy"
[[clips]]
corpus = "plain"
source = "truth"
names = ["plain0"]
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return read_shards(write_shards(tmp_path_factory.mktemp("shards")), "validation")


def written(folder: Path, text: str) -> Path:
    path = folder / "b.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_manifest_selects_views_groups_and_recordings(tmp_path, shards):
    manifest = read_manifest(written(tmp_path, GOOD))
    assert manifest.seeds == (3, 4) and manifest.samples == 2
    sets = benchmark_cases(manifest, shards)
    told = {named.title: [case.title for case in named.cases] for named in sets}
    assert told == {
        "filmed": [f"filmed{i} view {v}" for i in (0, 1) for v in (3, 1)],
        "plain, noisy run": ["plain1 virtual", "plain3 virtual"],
        "plain walk": ["plain0 virtual"],
    }
    assert {case.source for named in sets for case in named.cases} == {
        "detections", "noisy", "truth",
    }  # fmt: skip
    fewer = benchmark_cases(manifest, shards, limit=1)
    assert [len(named.cases) for named in fewer] == [2, 1, 1]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("samples = 2", "sample = 2"), ConfigError, "unknown field 'sample'"),
        (("limit = 2", "limits = 2"), ConfigError, r"number 2: unknown field 'limits'"),
        (("limit = 2", "limit = 0"), ConfigError, "limit"),
        (("limit = 2", "limit = true"), ConfigError, "limit"),
        (("seeds = [3, 4]", "seeds = []"), ConfigError, "seed"),
        (("seeds = [3, 4]", 'seeds = "3"'), ConfigError, "seeds"),
        (('"noisy"\n', '"clean"\n'), ConfigError, "must be one of .*video, not 'clean'"),
        (('source = "noisy"\n', ""), ConfigError, "number 2: the table needs 'source'"),
        (('"mine"', "mine"), InputError, "not TOML"),
        (('source = "detections"', 'source = "video"'), ConfigError, "corpus 'rendered'"),
        (('name = "mine"', 'name = "mine"\nsplit = "all"'), ConfigError, "'split' must be one of"),
    ],
)
def test_mistakes_in_a_manifest_are_named(tmp_path, change, error, words):
    path = written(tmp_path, GOOD.replace(*change, 1))
    with pytest.raises(error, match=words) as raised:
        read_manifest(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('"filmed"', '"filmd"'), "no corpus 'filmd'.*filmed, plain"),
        (('["run"]', '["fly"]'), "no group 'fly'"),
        (('["plain0"]', '["plain9"]'), "no recording 'plain9'"),
        (("[3, 1]", "[4]"), "no view 4"),
        (('source = "noisy"', 'source = "detections"'), "no detections"),
    ],
)
def test_clips_that_are_not_there_are_named(tmp_path, shards, change, words):
    manifest = read_manifest(written(tmp_path, GOOD.replace(*change, 1)))
    with pytest.raises(InputError, match=words):
        benchmark_cases(manifest, shards)


def test_sets_of_one_name_and_missing_files_are_refused(tmp_path, shards):
    path = written(
        tmp_path, GOOD.replace('title = "plain, noisy"', "").replace('"plain0"', '"plain1"')
    )
    with pytest.raises(ConfigError, match="'plain run'"):
        benchmark_cases(read_manifest(path), shards)
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="no clips"):
        read_manifest(written(tmp_path, 'name = "x"'))
    rendered = read_manifest(BENCHMARKS / "rendered.toml")
    with pytest.raises(InputError, match="lab evaluate rendered"):
        benchmark_cases(rendered, shards)


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_manifests_that_ship_are_valid(path):
    assert read_manifest(path).clips
