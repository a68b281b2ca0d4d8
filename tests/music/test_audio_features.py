"""Music features: their clock, their cache, and what is refused."""

from __future__ import annotations

import wave

import av
import numpy as np
import pytest

from music_examples import tone
from vimoflow.errors import ConfigError, InputError
from vimoflow.music import audio_features as f

pytest.importorskip("librosa")


def test_beats_lie_on_the_clicks_and_a_frame_is_a_thirtieth(tmp_path):
    found = f.music_features(tone(tmp_path / "a.wav", 8.0), cache=tmp_path)
    assert found.shape == (240, 37) and found.dtype == np.float32
    beats = f.beats_s(found)
    assert len(beats) > 8 and np.abs(beats - np.round(beats / 0.5) * 0.5).max() < 0.08
    assert set(np.unique(found[:, [f.PEAKS, f.BEATS]])) == {0.0, 1.0}


def test_the_second_call_reads_the_cache_and_a_changed_file_does_not(tmp_path):
    class Counted(f.LibrosaFeatures):
        calls = 0

        def __call__(self, samples):
            Counted.calls += 1
            return super().__call__(samples)

    path = tone(tmp_path / "a.wav", 2.0)
    first = f.music_features(path, extractor=Counted(), cache=tmp_path)
    np.testing.assert_array_equal(
        f.music_features(path, extractor=Counted(), cache=tmp_path), first
    )
    assert Counted.calls == 1
    tone(path, 2.0, 0.3)
    assert not np.array_equal(f.music_features(path, extractor=Counted(), cache=tmp_path), first)
    for kept in tmp_path.glob("*.npy"):
        kept.write_bytes(b"torn")
    f.music_features(path, extractor=Counted(), cache=tmp_path)
    assert Counted.calls == 3


def test_a_part_is_the_part(tmp_path):
    path = tone(tmp_path / "a.wav", 6.0)
    assert len(f.music_features(path, 1.5, 2.0, cache=tmp_path)) == 60
    whole, part = f.read_audio(path, f.RATE_HZ), f.read_audio(path, f.RATE_HZ, 1.5, 2.0)
    first = round(1.5 * f.RATE_HZ)
    np.testing.assert_array_equal(part, whole[first : first + len(part)])


def test_what_cannot_be_danced_to_is_one_line(tmp_path):
    with pytest.raises(InputError, match="silent"):
        f.music_features(tone(tmp_path / "quiet.wav", 3.0, level=0.0), cache=tmp_path)
    with pytest.raises(InputError, match="too short"):
        f.music_features(tone(tmp_path / "short.wav", 0.3), cache=tmp_path)
    (tmp_path / "broken.mp3").write_bytes(b"ID3" + bytes(range(256)) * 20)
    with pytest.raises(InputError, match=r"broken\.mp3"):
        f.music_features(tmp_path / "broken.mp3", cache=tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        f.music_features(tmp_path / "missing.mp3", cache=tmp_path)
    with pytest.raises(ConfigError, match="start"):
        f.music_features(tone(tmp_path / "a.wav"), start_s=-1.0, cache=tmp_path)
    with pytest.raises(InputError, match="no sound after"):
        f.music_features(tone(tmp_path / "a.wav"), start_s=60.0, cache=tmp_path)


def test_a_two_hour_mix_is_refused_early_but_a_part_of_it_is_not(tmp_path):
    path, rate = tmp_path / "mix.wav", 4000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        sound = (128 + 60 * np.sin(np.arange(rate) * 0.5)).astype("u1").tobytes()
        for _ in range(7200):
            file.writeframes(sound)
    with pytest.raises(InputError, match="20 minutes"):
        f.music_features(path, cache=tmp_path)
    assert len(f.read_audio(path, f.RATE_HZ, 600.0, 2.0, f.LONGEST_S)) == 2 * f.RATE_HZ


def test_a_video_without_sound_is_said_so(tmp_path):
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no sound"):
        f.music_features(path, cache=tmp_path)


def test_the_phase_turns_once_a_beat_and_rests_where_there_is_none():
    beats = np.array([10.5, 20.5, 35.5, 200.0])
    phase = f.beat_phase(beats, 230)
    length = np.linalg.norm(phase, axis=1)
    heard = np.arange(230) >= 11
    heard[36:] = False  # five seconds without a beat are a pause, and nothing comes after the last
    np.testing.assert_allclose(length, heard, atol=1e-6)
    turned = np.unwrap(np.arctan2(phase[11:36, 1], phase[11:36, 0])) / (2 * np.pi)
    np.testing.assert_allclose(turned, np.interp(np.arange(11, 36), beats, np.arange(4)), atol=1e-6)
    assert (f.beat_phase(np.array([3.0]), 9) == 0).all()


def test_other_beats_replace_those_found():
    features = np.random.default_rng(0).random((60, 37)).astype(np.float32)
    changed = f.with_beats(features, np.array([0.5, 1.0]))
    np.testing.assert_allclose(f.beats_s(changed), [0.5, 1.0])
    np.testing.assert_array_equal(changed[:, : f.BEATS], features[:, : f.BEATS])
    np.testing.assert_allclose(changed[15:30, f.PHASE], f.beat_phase(np.array([0.0, 15.0]), 15))
