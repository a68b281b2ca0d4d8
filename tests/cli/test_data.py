"""``vimoflow data prepare``: what reaches the library, what a user sees."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from vimoflow.cli.data import DATA as app
from vimoflow.data.manifest import ShardEntry
from vimoflow.data.prepare_options import PrepareOptions
from vimoflow.errors import ConfigError, InputError

ENTRY = ShardEntry("walks-train.safetensors", "walks", "train", "MIT", "us", 12, 108000, 1.0, "")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the command hands to the library, which does not run."""
    seen: list[tuple[object, ...]] = []

    def prepare(source, paths, output, options, progress):
        seen.append((source, paths, output, options))
        for done in range(1, 41):
            progress(done, 40)
        return [ENTRY]

    monkeypatch.setattr("vimoflow.data.prepare.prepare", prepare)
    return seen


def test_defaults_are_the_librarys(calls, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["prepare", "mass", str(tmp_path), "-o", str(out)])
    assert result.exit_code == 0
    assert calls == [("mass", [tmp_path], out, PrepareOptions())]
    assert result.stdout.splitlines()[1].split() == ["walks", "train", "12", "1.000", "-", "-"]
    # No terminal: a few plain lines, and one at once.
    assert result.stderr.splitlines()[-1] == "mass: 40 of 40 (100%), done"
    assert len(result.stderr.splitlines()) == 11


def test_every_option_arrives(calls, tmp_path: Path) -> None:
    arguments = "--workers 3 --map mixamo --fps 60 --split validation --licence none --name mine"
    command = ["prepare", "bvh", str(tmp_path), str(tmp_path), "-o", str(tmp_path)]
    assert CliRunner().invoke(app, [*command, *arguments.split()]).exit_code == 0
    ((source, paths, _, options),) = calls
    assert (source, paths) == ("bvh", [tmp_path, tmp_path])
    assert options == PrepareOptions(
        3, "mixamo", 60.0, split="validation", licence="none", name="mine"
    )


@pytest.mark.parametrize("extra", [["--workers", "0"], ["--split", "test"], ["--fps", "fast"]])
def test_senseless_options_are_usage_errors(calls, tmp_path: Path, extra: list[str]) -> None:
    command = ["prepare", "mass", str(tmp_path), "-o", str(tmp_path), *extra]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, ConfigError) and extra[0] in str(result.exception)
    assert not calls


def test_a_missing_input_is_said_before_anything_starts(calls, tmp_path: Path) -> None:
    command = ["prepare", "mass", str(tmp_path / "no"), "-o", str(tmp_path / "out")]
    error = CliRunner().invoke(app, command).exception
    assert isinstance(error, InputError) and "no such file or folder" in str(error)
    assert not calls and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["tar.xz", "tar.gz", "tar", "zip"])
def test_archives_reach_the_library(calls, tmp_path: Path, ending: str) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    (captures / "walk.bvh").write_text("HIERARCHY", encoding="utf-8")
    kind = {"tar.xz": "xztar", "tar.gz": "gztar"}.get(ending, ending)
    archive = shutil.make_archive(str(tmp_path / "walks"), kind, captures)
    assert archive.endswith(ending)
    command = ["prepare", "mass", archive, "-o", str(tmp_path / "out")]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert calls[0][1] == [Path(archive)]
