"""`vimoflow generate` on video files, good ones and bad ones, with the real estimator."""

from __future__ import annotations

import json
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.motion.clip import Motion

FAST = ("--steps", "2", "--no-refine", "--formats", "npz")


def write_video(
    path: Path, pictures: list[np.ndarray], fps: Fraction = Fraction(30), faststart: bool = False
) -> Path:
    flags = {"movflags": "+faststart"} if faststart else {}
    with av.open(str(path), "w", options=flags) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 6
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 44100), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn_clockwise(path: Path) -> None:
    """Write a quarter turn into the track header's matrix, as phones do."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    matrix = at + (40 if data[at] == 0 else 52)
    one = 1 << 16
    values = (0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    data[matrix : matrix + 36] = struct.pack(">9i", *values)
    path.write_bytes(bytes(data))


@pytest.fixture(scope="module")
def dancer(shared_data) -> list[np.ndarray]:
    """Frames of one dancer, 270 x 360: a portrait cut from the middle of a wide picture."""
    with av.open(str(shared_data / "video" / "hiphop.mp4")) as container:
        pictures = []
        for frame in container.decode(video=0):
            wide = frame.to_ndarray(format="rgb24")[::2, ::2]
            middle = wide.shape[1] // 2
            pictures.append(np.ascontiguousarray(wide[:, middle - 134 : middle + 136]))
            if len(pictures) == 25:
                return pictures
    raise AssertionError("the clip is shorter than it was")


@pytest.fixture
def animate(run, tmp_path):
    """The motion of a file, and its run.json."""

    def animate(path: Path, *options: object) -> tuple[Motion, dict]:
        out = tmp_path / f"out of {path.stem}"
        code, err = run("generate", path, "-o", out, *FAST, *options)
        assert code == 0, err
        return load_motion_npz(out / "motion.npz"), json.loads((out / "run.json").read_text())

    return animate


def test_a_portrait_phone_video_is_the_upright_one(animate, dancer, tmp_path):
    upright = write_video(tmp_path / "upright.mp4", dancer)
    sideways = write_video(tmp_path / "sideways.mp4", [np.rot90(p).copy() for p in dancer])
    turn_clockwise(sideways)
    (a, run_a), (b, run_b) = animate(upright), animate(sideways)
    assert run_a["input"]["image_size"] == run_b["input"]["image_size"] == [270, 360]
    both = a.observed & b.observed
    distance = np.linalg.norm(a.joints2d[..., :2] - b.joints2d[..., :2], axis=-1)[both]
    assert both.mean() > 0.8 and np.median(distance) < 4 and len(a) == len(b) == 25


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(120)])
def test_one_pose_a_frame_at_odd_rates(animate, dancer, tmp_path, fps):
    motion, _ = animate(write_video(tmp_path / "odd.mp4", dancer[:12], fps))
    assert len(motion) == 12 and motion.fps == pytest.approx(float(fps), rel=1e-3)
    np.testing.assert_allclose(motion.timestamps, np.arange(12) / float(fps), atol=1e-4)


def test_one_frame_with_every_result(run, dancer, tmp_path):
    still, out = write_video(tmp_path / "still.mp4", dancer[:1]), tmp_path / "out"
    code, err = run("generate", still, "-o", out, "--steps", 2)
    assert code == 0, err
    assert len(load_motion_npz(out / "motion.npz")) == 1
    with av.open(str(out / "preview.mp4")) as container:
        assert len(list(container.decode(video=0))) == 1


def test_a_part_of_a_video_is_on_a_clock_of_its_own(animate, dancer, tmp_path):
    motion, document = animate(
        write_video(tmp_path / "whole.mp4", dancer), "--start", 0.2, "--end", 0.5
    )
    assert len(motion) == document["input"]["frames"] == 9
    assert motion.timestamps[0] == 0 and motion.timestamps[-1] == pytest.approx(8 / 30, abs=1e-4)


def test_a_video_cut_in_mid_stream_gives_a_result_and_a_warning(animate, dancer, tmp_path):
    path = write_video(tmp_path / "cut.mp4", [*dancer, *dancer[::-1]], faststart=True)
    whole = path.read_bytes()
    path.write_bytes(
        whole[: len(whole) * 4 // 10]
    )  # less than half a second missing is not noticed
    motion, document = animate(path)
    assert 3 < len(motion) < 40 and np.isfinite(motion.joint_positions).all()
    assert document["input"]["warnings"]


def test_a_video_cut_before_its_index(assert_refused, tmp_path):
    path = write_video(tmp_path / "cut.mp4", [np.zeros((120, 160, 3), np.uint8)] * 12)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov") - 4])
    assert_refused("cut.mp4", path, *FAST)


def test_sound_alone(assert_refused, tmp_path):
    assert_refused("no video", write_sound(tmp_path / "sound.mp4"), *FAST)


def test_nobody_there(assert_refused, tmp_path):
    black = write_video(tmp_path / "black.mp4", [np.zeros((120, 160, 3), np.uint8)] * 12)
    assert_refused("no person found", black, *FAST)
