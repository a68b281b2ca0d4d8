"""Video as phones and the web have it: HDR, bars, high and uneven rates, a camera that moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vimoflow.video import VideoFrame, frames
from vimoflow.video.camera_motion import CameraWatch
from vimoflow.video.letterbox import PictureArea, find_picture_area, picture_area
from vimoflow.video.tone import HLG, PQ

SDR_COLOURS = ((0.5, 0.5, 0.5), (0.2, 0.2, 0.2), (0.7, 0.3, 0.2), (0.2, 0.3, 0.7))
# BT.2087-0: linear light of BT.709 in BT.2020's primaries.
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def hdr_code(light: np.ndarray, transfer: int) -> np.ndarray:
    """The camera's side of BT.2100: graphics white is light 1."""
    if transfer == HLG:
        scene = 0.265 * light
        logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)
    power = (light * 203 / 10_000) ** (2610 / 16384)
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def write_hdr(path: Path, light_709: np.ndarray, transfer: int) -> Path:
    """Lossless 10-bit limited-range YCbCr of BT.2020, by hand."""
    r, g, b = np.moveaxis(hdr_code(light_709 @ TO_2020.T, transfer), -1, 0)
    luma = 0.2627 * r + 0.6780 * g + 0.0593 * b
    planes = (64 + 876 * luma, 512 + 896 * (b - luma) / 1.8814, 512 + 896 * (r - luma) / 1.4746)
    height, width = luma.shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p10le"
        frame = av.VideoFrame(width, height, "yuv444p10le")
        for target in (stream.codec_context, frame):
            target.color_trc, target.color_primaries = transfer, 9
            target.colorspace, target.color_range = 9, 1
        for plane, values in zip(frame.planes, planes, strict=True):
            rows = np.zeros((height, plane.line_size // 2), np.uint16)
            rows[:, :width] = np.round(values)
            plane.update(rows.tobytes())
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_looks_as_its_standard_range_picture_does(tmp_path: Path, transfer: int) -> None:
    sdr = np.repeat(np.array(SDR_COLOURS), 16, axis=0)[None].repeat(64, axis=0)
    light = np.where(sdr < 0.081, sdr / 4.5, ((sdr + 0.099) / 1.099) ** (1 / 0.45))
    got = next(frames(write_hdr(tmp_path / "hdr.mkv", light, transfer))).rgb
    assert np.abs(got.astype(float) - 255 * sdr).max() <= 4


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_what_is_brighter_than_white_keeps_its_order(tmp_path: Path, transfer: int) -> None:
    light = np.linspace(0.0, 3.0, 64)[None, :, None].repeat(64, axis=0).repeat(3, axis=2)
    got = next(frames(write_hdr(tmp_path / "ramp.mkv", light, transfer))).rgb[0, :, 1].astype(int)
    assert (np.diff(got) >= 0).all() and got[-1] > 250 and got[21] < 250  # light 1 is not clipped


def scene(width: int = 160, height: int = 120, shift: tuple[float, float] = (0, 0), zoom=1.0):
    """A textured wall seen by a camera that was moved and zoomed."""
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.integers(0, 256, (400, 400, 3)).astype(np.uint8), (0, 0), 2)
    wall = cv2.normalize(wall, None, 40, 255, cv2.NORM_MINMAX)
    matrix = np.array(
        [[zoom, 0, shift[0] + 80 - 200 * zoom], [0, zoom, shift[1] + 60 - 200 * zoom]]
    )
    return cv2.warpAffine(wall, matrix, (width, height))


class Walker:
    """Draws a person who walks through the scene, and knows where."""

    name = "walker"

    def estimate(self, stream: Iterable[VideoFrame]) -> Iterator[np.ndarray]:
        for frame in stream:
            points = np.zeros((17, 3))
            x = 20 + 2 * frame.index
            points[:2] = (x, 20, 1), (x + 20, 110, 1)
            yield points


def watched(camera) -> CameraWatch:
    watch = CameraWatch(Walker())

    def video() -> Iterator[VideoFrame]:
        for index in range(45):
            rgb = scene(**camera(index / 30)).copy()
            x = 20 + 2 * index
            rgb[20:110, x : x + 20] = np.random.default_rng(index).integers(0, 256, (90, 20, 3))[
                :, : rgb.shape[1] - x
            ]
            yield VideoFrame(rgb, index / 30, index)

    assert len(list(watch.estimate(video()))) == 45
    return watch


def test_a_camera_on_a_tripod_stands_still_though_a_person_passes() -> None:
    motion = watched(lambda t: {}).motion
    assert motion.looks == 45 and not motion.moving


@pytest.mark.parametrize(
    "camera",
    [lambda t: {"shift": (20 * t, 0)}, lambda t: {"shift": (8 * np.sin(9 * t), 6 * np.cos(7 * t))}],
    ids=["pan", "shake"],
)
def test_a_camera_that_pans_or_shakes_moves(camera) -> None:
    motion = watched(camera).motion
    assert motion.moving and motion.zoom == pytest.approx(1.0, abs=0.05)


def test_a_zoom_is_measured() -> None:
    motion = watched(lambda t: {"zoom": 1 + 0.2 * t}).motion
    assert motion.moving and motion.zoom == pytest.approx(1 + 0.2 * 1.4, rel=0.03)


def test_a_wall_without_texture_says_nothing() -> None:
    watch = CameraWatch(Walker())
    plain = [VideoFrame(np.full((48, 64, 3), 90, np.uint8), i / 10, i) for i in range(9)]
    assert len(list(watch.estimate(plain))) == 9
    assert watch.motion.looks == 0 and not watch.motion.moving


@pytest.mark.parametrize("bars", [(0, 16, 160, 104), (30, 0, 130, 120), (0, 0, 160, 120)])
def test_black_bars_are_found(bars: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = bars
    pictures = []
    for index in range(4):
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[top:bottom, left:right] = scene(right - left, bottom - top, (3 * index, 0))
        picture[top, left:right] = 200
        pictures.append(picture)
    whole = bars == (0, 0, 160, 120)
    assert picture_area(pictures) == (None if whole else PictureArea(*bars))


def test_darkness_is_no_bar() -> None:
    dark = np.zeros((48, 64, 3), np.uint8)
    assert picture_area([dark]) is None
    dark[20:24, 30:34] = 255  # a candle
    assert picture_area([dark]) is None


def test_no_more_pictures_are_decoded_than_it_takes():
    looked_at = []

    def pictures():
        for level in (255, 255):
            looked_at.append(level)
            yield np.full((90, 160, 3), level, np.uint8)

    assert picture_area(pictures()) is None and len(looked_at) == 1


def test_bars_in_a_coded_video(tmp_path: Path) -> None:
    path = tmp_path / "bars.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(240))
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for index in range(48):
            picture = np.zeros((120, 160, 3), np.uint8)
            picture[20:100] = np.maximum(scene(160, 80, (index, 0)), 60)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    area = find_picture_area(path)
    assert area is not None and area.size[0] == 160
    assert abs(area.top - 20) <= 2 and abs(area.bottom - 100) <= 2
    times = [frame.time for frame in frames(path)]
    np.testing.assert_allclose(times, np.arange(48) / 240, atol=1e-4)
