"""The commands of music and style: what they write, and how they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.music.beat_tests import motion_of
from music_examples import swinging, tiny_model, tone
from vimoflow.cli import music, style
from vimoflow.diffusion.checkpoint import save_checkpoint
from vimoflow.errors import CheckpointError, ConfigError, InputError
from vimoflow.formats.motion_npz import save_motion_npz

pytest.importorskip("librosa")


@pytest.fixture
def model(tmp_path, monkeypatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(tiny_model().checkpoint, path)
    return str(path)


def run(app, *words: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_style_from_motions_is_listed_and_danced(tmp_path, model):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in "ab":
        save_motion_npz(motion_of(swinging(name, 60)), folder / f"{name}.npz")
    out = run(style.STYLE, "train", "--name", "swing", "--motions", folder, "--checkpoint", model,
              "--steps", "2")  # fmt: skip
    assert "2 clips are few" in out and "swing" in out
    assert "swing: 2 clips" in run(style.STYLE, "list")
    song = tone(tmp_path / "song.wav", 3.0)
    out = run(music.MUSIC, "generate", song, "-o", tmp_path / "out", "--checkpoint", model,
              "--steps", "2", "--style", "swing=0.8")  # fmt: skip
    assert "3.0 s of dance" in out and (tmp_path / "out" / "preview.html").is_file()


def test_mistakes_are_one_line(tmp_path, model):
    song = tone(tmp_path / "song.wav", 2.0)
    with pytest.raises(InputError, match="no such file"):
        run(music.MUSIC, "generate", tmp_path / "none.mp3", "-o", tmp_path / "out")
    with pytest.raises(CheckpointError, match="no such style"):
        run(music.MUSIC, "generate", song, "-o", tmp_path, "--checkpoint", model, "--style", "none")
    with pytest.raises(ConfigError, match="--videos or --motions"):
        run(style.STYLE, "train", "--name", "x")
    assert not (tmp_path / "out").exists()
