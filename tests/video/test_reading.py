"""Decoding against PyAV-made files, with OpenCV's own decoder as the oracle where it has a say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vimoflow.errors import InputError
from vimoflow.video import frames, open_video

WIDTH, HEIGHT = 64, 48


def counter_picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A red corner at the top left, and the index as brightness in the rest."""
    picture = np.full((height, width, 3), 8 * index % 256, np.uint8)
    picture[: height // 2, : width // 2] = (255, 0, 0)
    return picture


def make_video(
    path: Path,
    pts: Sequence[int] = range(12),
    time_base: Fraction = Fraction(1, 30),
    prepare: Callable[[av.VideoStream], None] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    options: dict[str, str] | None = None,
) -> Path:
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=1 / time_base)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = time_base
        # Key frames often, so that cutting and seeking have somewhere to land.
        stream.codec_context.gop_size = 6
        if prepare is not None:
            prepare(stream)
        for index, stamp in enumerate(pts):
            picture = av.VideoFrame.from_ndarray(counter_picture(index, *size), format="rgb24")
            picture.pts, picture.time_base = stamp, time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def brightness(rgb: np.ndarray) -> int:
    """The counter that `counter_picture` wrote."""
    return round(rgb[-8:, -8:].mean() / 8)


def test_frames_agree_with_opencv_in_number_times_and_pixels(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", range(40))
    capture = cv2.VideoCapture(str(path))
    count = 0
    for frame in frames(path):
        good, bgr = capture.read()
        assert good and frame.index == count
        assert frame.time == pytest.approx(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, abs=1e-3)
        assert np.abs(frame.rgb.astype(int) - bgr[..., ::-1]).mean() < 3
        count += 1
    assert count == 40 and not capture.read()[0]
    info = open_video(path)
    assert (info.size, info.fps, info.frame_count) == ((WIDTH, HEIGHT), 30.0, 40)
    assert info.duration == pytest.approx(40 / 30)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_metadata_turns_the_picture_upright(tmp_path: Path, degrees: int) -> None:
    path = make_video(tmp_path / "r.mp4", prepare=lambda s: s.set_display_rotation(degrees))
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    expected = capture.read()[1][..., ::-1]
    first = next(frames(path))
    assert first.rgb.shape == expected.shape
    assert np.abs(first.rgb.astype(int) - expected).mean() < 3
    # PyAV counts the turn counter-clockwise.
    assert np.abs(first.rgb.astype(int) - np.rot90(counter_picture(0), degrees // 90)).mean() < 5
    portrait = degrees in (90, 270)
    assert open_video(path).size == ((HEIGHT, WIDTH) if portrait else (WIDTH, HEIGHT))
    assert first.rgb.flags.c_contiguous


def test_a_phone_writes_the_rotation_into_the_track_header(tmp_path: Path) -> None:
    """The same through bytes patched by hand: a clockwise quarter turn, as phones store it."""
    path = make_video(tmp_path / "p.mp4")
    data = bytearray(path.read_bytes())
    matrix_at = data.index(b"tkhd") + 4 + 40
    data[matrix_at : matrix_at + 36] = np.array(
        [0, 1 << 16, 0, -1 << 16, 0, 0, HEIGHT << 16, 0, 1 << 30], ">i4"
    ).tobytes()
    path.write_bytes(data)
    first = next(frames(path))
    assert np.abs(first.rgb.astype(int) - np.rot90(counter_picture(0), -1)).mean() < 5


def test_a_mirrored_display_matrix_is_honoured(tmp_path: Path) -> None:
    one = 1 << 16
    mirror = [-one, 0, 0, 0, one, 0, 0, 0, 1 << 30]
    path = make_video(tmp_path / "m.mp4", prepare=lambda s: s.set_display_matrix(mirror))
    first = next(frames(path))
    assert np.abs(first.rgb.astype(int) - counter_picture(0)[:, ::-1]).mean() < 5


def test_wide_pixels_become_square(tmp_path: Path) -> None:
    def widen(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)

    path = make_video(tmp_path / "s.mp4", prepare=widen)
    assert open_video(path).size == (96, HEIGHT)
    assert next(frames(path)).rgb.shape == (HEIGHT, 96, 3)


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    stamps = np.cumsum([0, 3, 3, 6, 30, 1, 1, 4, 3, 3, 60, 2])
    path = make_video(tmp_path / "v.mp4", stamps.tolist(), Fraction(1, 90))
    times = [frame.time for frame in frames(path)]
    np.testing.assert_allclose(times, stamps / 90, atol=1e-3)


@pytest.mark.parametrize(
    "period", [Fraction(1001, 24000), Fraction(1, 120), Fraction(1001, 30000), Fraction(1, 15)]
)
def test_odd_rates(tmp_path: Path, period: Fraction) -> None:
    path = make_video(tmp_path / "o.mp4", range(25), period)
    times = [frame.time for frame in frames(path)]
    np.testing.assert_allclose(times, np.arange(25) * float(period), atol=1e-4)
    assert open_video(path).fps == pytest.approx(float(1 / period), rel=1e-4)


def test_a_rate_leaves_frames_out_but_not_from_the_clock(tmp_path: Path) -> None:
    path = make_video(tmp_path / "fast.mp4", range(12), Fraction(1, 60))
    whole, stream = list(frames(path)), frames(path, rate=30.0)
    some = list(stream)
    assert [frame.index for frame in some] == list(range(6))
    assert stream.clock == [frame.time for frame in whole]
    for frame, other in zip(some, whole[::2], strict=True):
        assert frame.time == other.time
        np.testing.assert_array_equal(frame.rgb, other.rgb)


def test_a_scale_gives_smaller_upright_pictures(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", range(1))
    (whole,), (small,) = frames(path), frames(path, scale=0.5)
    assert small.rgb.shape == (whole.rgb.shape[0] // 2, whole.rgb.shape[1] // 2, 3)
    shrunk = cv2.resize(whole.rgb, small.rgb.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - small.rgb).mean() < 3


def test_a_start_offset_does_not_move_the_clock(tmp_path: Path) -> None:
    path = make_video(tmp_path / "offset.mkv", range(300, 312), options={"avoid_negative_ts": "0"})
    times = [frame.time for frame in frames(path)]
    np.testing.assert_allclose(times, np.arange(12) / 30, atol=2e-3)


def test_ten_bit_colour_becomes_eight(tmp_path: Path) -> None:
    if "libx265" not in av.codecs_available:
        pytest.skip("this build of PyAV cannot make a 10-bit file")
    quiet = {"x265-params": "log-level=none"}

    def hush(stream: av.VideoStream) -> None:
        stream.options = quiet

    path = make_video(
        tmp_path / "t.mp4", codec="libx265", pix_fmt="yuv420p10le", size=(96, 96), prepare=hush
    )
    decoded = list(frames(path))
    assert len(decoded) == 12
    assert np.abs(decoded[5].rgb.astype(int) - counter_picture(5, 96, 96)).mean() < 6


def test_odd_sizes(tmp_path: Path) -> None:
    path = make_video(tmp_path / "odd.mkv", codec="ffv1", pix_fmt="yuv444p", size=(63, 47))
    assert next(frames(path)).rgb.shape == (47, 63, 3)


@pytest.mark.parametrize(("start", "end"), [(0.5, 1.0), (3.0, 3.5), (2.9, None), (None, 0.2)])
def test_a_part_is_the_same_frames_on_its_own_clock(
    tmp_path: Path, start: float | None, end: float | None
) -> None:
    path = make_video(tmp_path / "long.mp4", range(120))
    whole = list(frames(path))
    wanted = [f for f in whole if (start or 0) - 1e-6 <= f.time < (end or 99) - 1e-6]
    part = list(frames(path, start, end))
    assert [f.index for f in part] == list(range(len(wanted)))
    for got, expected in zip(part, wanted, strict=True):
        assert np.array_equal(got.rgb, expected.rgb)
        assert got.time == pytest.approx(expected.time - wanted[0].time, abs=1e-9)


def test_a_part_beyond_the_end_says_how_long_the_video_is(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"a\.mp4: no frame lies between 5 s and 6 s.*0\.40 s"):
        next(frames(path, 5.0, 6.0))
    with pytest.raises(InputError, match="start"):
        frames(path, 2.0, 1.0)
    with pytest.raises(InputError, match=r"no frame lies after 5 s; the video is 0\.40 s"):
        next(frames(path, 5.0))


def test_a_video_cut_in_mid_stream_gives_what_is_left_and_says_so(tmp_path: Path) -> None:
    path = make_video(tmp_path / "w.mp4", range(90), options={"movflags": "+faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.7)])
    stream = frames(path)
    decoded = list(stream)
    assert 10 < len(decoded) < 90
    assert [brightness(f.rgb) for f in decoded[:10]] == list(range(10))
    assert any("cut" in warning or "breaks off" in warning for warning in stream.warnings)


def test_a_whole_video_gives_no_warning(tmp_path: Path) -> None:
    stream = frames(make_video(tmp_path / "w.mp4", range(30)))
    assert len(list(stream)) == 30 and stream.warnings == ()


def _unknown_codec(path: Path) -> None:
    make_video(path)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))


def _audio_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        for start in range(0, 20 * 1024, 1024):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 44_100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _without_index(path: Path) -> None:
    make_video(path, range(60))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda p: None, "no such file"),
        (lambda p: p.mkdir(), "is an empty folder"),
        (lambda p: p.touch(), "is empty"),
        (lambda p: p.write_text("dear diary\n" * 99), "not a video"),
        (_without_index, "index is missing"),
        (_audio_only, "holds no video"),
        (_unknown_codec, "codec is not known"),
    ],
)
def test_bad_files_end_in_one_line(
    tmp_path: Path,
    make: Callable[[Path], object],
    complaint: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "bad.mp4"
    make(path)
    capfd.readouterr()
    for opening in (open_video, frames):
        with pytest.raises(InputError, match=complaint) as caught:
            opening(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_no_frame_can_be_decoded(tmp_path: Path) -> None:
    path = make_video(tmp_path / "zero.mp4", range(5))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with pytest.raises(InputError, match="not one frame"):
        frames(path)


def test_few_frames_are_in_memory_at_a_time(tmp_path: Path) -> None:
    import tracemalloc

    size = (640, 480)
    path = make_video(tmp_path / "long.mp4", range(60), size=size)
    tracemalloc.start()
    for _ in frames(path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * size[0] * size[1] * 3
