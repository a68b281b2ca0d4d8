"""A song to a folder of results, with its sound in the page; styles; videos that cannot be used."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re

import av
import numpy as np
import pytest

from lab.music.beat_tests import motion_of
from motion_examples import swinging_motion
from music_examples import swinging, tiny_model, tone
from vimoflow.diffusion.checkpoint import save_checkpoint
from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.motion_npz import load_motion_npz, save_motion_npz
from vimoflow.music.adapters import new_adapter, save_adapter
from vimoflow.music.dance_options import DanceOptions, SongOptions
from vimoflow.music.from_videos import dances_from_videos
from vimoflow.music.song_to_dance import compressed, generate_dance, styled_model
from vimoflow.music.styles import read_motions

pytest.importorskip("librosa")


@pytest.fixture
def checkpoint(tmp_path, monkeypatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(tiny_model().checkpoint, path)
    return str(path)


def test_a_song_becomes_a_dance_with_its_sound(tmp_path, checkpoint):
    song = tone(tmp_path / "song.wav", 6.0)
    options = SongOptions(tmp_path / "out", checkpoint, (), DanceOptions(steps=2), 1.0, 4.0)
    result = generate_dance(song, options)
    names = {path.name for path in result.files}
    assert names == {"motion.npz", "motion.bvh", "motion.glb", "preview.html", "run.json"}
    assert len(load_motion_npz(tmp_path / "out" / "motion.npz")) == 120 and result.seconds == 4.0
    page = (tmp_path / "out" / "preview.html").read_text("utf-8")
    sound = re.search(r'<audio id="sound"[^>]*base64,([^"]+)"', page)
    assert sound is not None and "media-src data:" in page
    with av.open(io.BytesIO(base64.b64decode(sound[1]))) as container:
        seconds = sum(f.samples / f.sample_rate for f in container.decode(audio=0))
    assert abs(seconds - 4.0) < 0.1
    assert json.loads((tmp_path / "out" / "run.json").read_text())["frames"] == 120


def test_the_pages_sound_is_in_step_with_the_song(tmp_path):
    from vimoflow.evaluation.benchmark.music_beats import read_audio

    song = tone(tmp_path / "song.wav", 3.0)
    (tmp_path / "page.mp3").write_bytes(compressed(song))
    first, second = (read_audio(p, 32000) for p in (song, tmp_path / "page.mp3"))
    envelopes = [np.abs(x[:90000]).reshape(-1, 100).mean(1) for x in (first, second)]
    a, b = (x - x.mean() for x in envelopes)
    lag = int(np.correlate(b, a, "full").argmax()) - (len(a) - 1)
    assert abs(lag) * 100 / 32000 < 0.03


def test_styles_are_found_by_name_and_weighted(checkpoint, tmp_path):
    model = tiny_model()
    save_adapter(new_adapter(model, "still"), tmp_path / "data/vimoflow/styles/still.safetensors")
    _, ((use, adapter),), terms = styled_model(checkpoint, ["still=0.5"])
    assert (use.scale, adapter.name) == (0.5, "still") and "none" in terms
    assert len(styled_model(checkpoint, ["still@0-2", "still=2@2-9"])[1]) == 2
    with pytest.raises(ConfigError, match="twice"):
        styled_model(checkpoint, ["still", "still=2"])


def test_motions_of_a_folder_are_dances_with_the_sound_beside_them(checkpoint, tmp_path):
    folder = tmp_path / "motions"
    folder.mkdir()
    save_motion_npz(motion_of(swinging("a", 60)), folder / "a.npz")
    tone(folder / "a.wav", 1.5)
    save_motion_npz(motion_of(swinging("b", 40)).scaled(1.2), folder / "b.npz")
    first, second = read_motions(folder)
    assert first.music is not None and len(first) == 45 and second.music is None
    assert float(second.root[0, 1]) == pytest.approx(0.9, abs=1e-4)
    save_motion_npz(motion_of(swinging("c", 20)), folder / "c.npz")
    with pytest.raises(InputError, match="too short"):
        read_motions(folder)
    with pytest.raises(InputError, match="no motions"):
        read_motions(tmp_path / "cache")


def test_videos_without_a_person_are_named_and_no_video_is_one_line(tmp_path, monkeypatch):
    from vimoflow.music import from_videos

    def nobody(inputs, options, progress):
        raise InputError(f"{inputs[0]}: no person was found")

    monkeypatch.setattr(from_videos, "generate", nobody)
    folder = tmp_path / "videos"
    folder.mkdir()
    with pytest.raises(InputError, match="no videos"):
        dances_from_videos(folder)
    (folder / "empty.mp4").touch()
    with pytest.raises(InputError, match="no person"):
        dances_from_videos(folder)
    made = folder / "motions" / "good"
    made.mkdir(parents=True)
    (folder / "good.mp4").touch()
    save_motion_npz(motion_of(swinging("a", 60)), made / "motion.npz")
    found = dances_from_videos(folder)
    assert [d.name for d in found.dances] == ["good.mp4"] and "empty.mp4" in found.skipped[0]


def test_only_what_was_seen_well_is_learnt_from(tmp_path, swaying_keypoints):
    """A motion hidden for a while is two; one hidden throughout is left out and named."""
    for name, hidden in (("a", slice(0, 0)), ("b", slice(40, 60)), ("c", slice(None))):
        points = swaying_keypoints(120).points.copy()
        points[hidden, :, 2] = 0
        (tmp_path / f"{name}.mp4").touch()
        (tmp_path / "motions" / name).mkdir(parents=True)
        motion = dataclasses.replace(swinging_motion(120), joints2d=points)
        save_motion_npz(motion, tmp_path / "motions" / name / "motion.npz")
    found = dances_from_videos(tmp_path)
    kept = {dance.name: len(dance) for dance in found.dances}
    assert list(kept) == ["a.mp4", "b.mp4@0.0", "b.mp4@2.0"]
    assert kept["a.mp4"] == 120 and kept["b.mp4@0.0"] <= 40 and kept["b.mp4@2.0"] <= 60
    assert len(found.skipped) == 1 and "c.mp4" in found.skipped[0]


def test_where_all_is_doubted_alike_all_is_learnt_from(tmp_path, swaying_keypoints):
    points = swaying_keypoints(120).points.copy()
    points[:, [9, 10, 15, 16], 2] = 0
    (tmp_path / "a.mp4").touch()
    (tmp_path / "motions" / "a").mkdir(parents=True)
    motion = dataclasses.replace(swinging_motion(120), joints2d=points)
    save_motion_npz(motion, tmp_path / "motions" / "a" / "motion.npz")
    assert [len(dance) for dance in dances_from_videos(tmp_path).dances] == [120]
