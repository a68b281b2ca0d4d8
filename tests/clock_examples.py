"""A zoo of clocks: small videos of many containers, codecs and rates, and when their frames are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

NTSC, FILM = Fraction(30_000, 1001), Fraction(24_000, 1001)
B_FRAMES = {"bf": "2", "x264-params": "bframes=3:b-adapt=0:scenecut=0"}
NO_B_FRAMES = {"bf": "0", "x264-params": "bframes=0"}
INTERLACED = {"x264-params": "interlaced=1:tff=1:bframes=2:b-adapt=0"}
UNEVEN = (0, 3, 6, 12, 42, 43, 45, 48, 51, 54, 114, 116, 118, 121, 124)


@dataclass(frozen=True)
class Clock:
    """A video that `write_clock` makes.

    Attributes:
        name: the file's.
        codec: encoder.
        rate: what the header states, Hz.
        stamps: when frames are shown, in periods of ``rate`` unless ``ticks`` are given.
        ticks: of ``stamps``, in a second.
        options: of the encoder.
        mux: of the container.
        origin: stamp of the first frame.
        damage: what is done to the bytes.
        spoils: what is done to the packets.
        size: width, height.
        hidden: how many of the first frames the container says are not to be shown.
    """

    name: str
    codec: str = "libx264"
    rate: Fraction = Fraction(30)
    stamps: Sequence[int] = tuple(range(15))
    ticks: Fraction | None = None
    options: dict[str, str] = field(default_factory=dict)
    mux: dict[str, str] = field(default_factory=dict)
    origin: int = 0
    pix_fmt: str = "yuv420p"
    size: tuple[int, int] = (64, 48)
    hidden: int = 0
    container: str | None = None
    damage: Callable[[bytes], bytes] | None = None
    spoils: Callable[[int, av.Packet], None] | None = None

    @property
    def times(self) -> np.ndarray:
        """Seconds of each frame from the first one's."""
        ticks = float(self.ticks or self.rate)
        shown = np.array(self.stamps[self.hidden :])
        return (shown - shown[0]) / ticks


def write_clock(clock: Clock, folder: Path) -> Path:
    """The file, each of whose frames is a little brighter than the one before."""
    path = folder / clock.name
    base = 1 / (clock.ticks or clock.rate)
    with av.open(str(path), "w", format=clock.container, options=clock.mux) as container:
        stream = container.add_stream(clock.codec, rate=clock.rate, options=clock.options)
        stream.width, stream.height = clock.size
        stream.pix_fmt = clock.pix_fmt
        stream.codec_context.time_base = base
        stream.codec_context.gop_size = 6
        packets = []
        for index, stamp in enumerate(clock.stamps):
            rgb = np.full((clock.size[1], clock.size[0], 3), 8 * index % 256, np.uint8)
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=clock.pix_fmt)
            picture.pts, picture.time_base = stamp + clock.origin, base
            packets += stream.encode(picture)
        packets += stream.encode(None)
        for number, packet in enumerate(packets):
            if clock.spoils is not None:
                clock.spoils(number, packet)
            container.mux(packet)
    if clock.damage is not None:
        path.write_bytes(clock.damage(path.read_bytes()))
    return path


def _without_stamp(number: int, packet: av.Packet) -> None:
    """Every third packet loses its time of presentation."""
    if number % 3 == 2:
        packet.pts = None


def _edit_list_from(media_time: int) -> Callable[[bytes], bytes]:
    """The edit list of an mp4 begins later in the media, as a trim on a phone writes it."""

    def damage(content: bytes) -> bytes:
        data = bytearray(content)
        at = data.index(b"elst") + 4 + 4 + 4 + 4
        old = int.from_bytes(data[at : at + 4], "big")
        data[at : at + 4] = (old + media_time).to_bytes(4, "big")
        return bytes(data)

    return damage


_NEGATIVE = {"avoid_negative_ts": "0"}
_WRAP = 2**33 - 20_000  # ticks of 90 kHz: the clock of a transport stream begins anew in the middle

CLOCKS = (
    Clock("plain.mp4", options=NO_B_FRAMES),
    Clock("b-frames.mp4", options=B_FRAMES),
    Clock("film.mp4", rate=FILM, options=B_FRAMES),
    Clock("fast.mov", rate=Fraction(60_000, 1001), options=B_FRAMES),
    Clock("pal.mkv", rate=Fraction(25), options=B_FRAMES),
    Clock("plain.avi", options=NO_B_FRAMES),
    Clock("b-frames.avi", options=B_FRAMES),
    Clock("b-frames-ntsc.avi", rate=NTSC, options=B_FRAMES),
    Clock("divx.avi", "mpeg4", Fraction(25), options={"bf": "2"}),
    Clock("webcam.avi", "mjpeg", Fraction(15), pix_fmt="yuvj420p"),
    Clock("b-frames.ts", options=B_FRAMES),
    Clock("wrap-around.ts", ticks=Fraction(90_000), stamps=tuple(range(0, 45_000, 3000)),
          origin=_WRAP, options=NO_B_FRAMES, mux={**_NEGATIVE, "mpegts_copyts": "1"}),
    Clock("wrap-around-b.ts", ticks=Fraction(90_000), stamps=tuple(range(0, 45_000, 3000)),
          origin=_WRAP, options=B_FRAMES, mux={**_NEGATIVE, "mpegts_copyts": "1"}),
    Clock("interlaced.ts", "mpeg2video", Fraction(25),
          options={"flags": "+ildct+ilme", "bf": "2"}),
    Clock("interlaced.mp4", rate=Fraction(25), options=INTERLACED),
    Clock("dvd.mpg", "mpeg2video", NTSC, options={"bf": "2"}),
    Clock("old.mpg", "mpeg1video", Fraction(25), options={"bf": "0"}),
    Clock("vp8.webm", "libvpx", options={"deadline": "realtime"}),
    Clock("vp9-uneven.webm", "libvpx-vp9", stamps=UNEVEN, ticks=Fraction(90)),
    Clock("uneven.mkv", "ffv1", stamps=UNEVEN, ticks=Fraction(90), pix_fmt="yuv444p"),
    Clock("uneven.mp4", stamps=UNEVEN, ticks=Fraction(90), options=NO_B_FRAMES),
    Clock("uneven-b.mp4", stamps=UNEVEN, ticks=Fraction(90), options=B_FRAMES),
    Clock("uneven-b.mkv", stamps=UNEVEN, ticks=Fraction(90), options=B_FRAMES),
    Clock("uneven.mov", "mjpeg", stamps=UNEVEN, ticks=Fraction(90), pix_fmt="yuvj420p"),
    Clock("late.mp4", options=B_FRAMES, origin=300),
    Clock("late.mkv", options=B_FRAMES, origin=300),
    Clock("negative.mkv", options=B_FRAMES, origin=-6, mux=_NEGATIVE),
    Clock("negative.mp4", options=B_FRAMES, origin=-6, mux=_NEGATIVE, hidden=6),
    Clock("fragments.mp4", options=B_FRAMES, mux={"movflags": "frag_keyframe+empty_moov"}),
    Clock("b-frames.flv", options=B_FRAMES),
    Clock("sorenson.flv", "flv", Fraction(25)),
    Clock("hevc.mp4", "libx265", options={"x265-params": "log-level=none:bframes=2"},
          size=(96, 96)),
    Clock("hevc.mkv", "libx265", Fraction(50), size=(96, 96),
          options={"x265-params": "log-level=none:bframes=2"}),
    Clock("av1.mp4", "libsvtav1", Fraction(24), size=(64, 64),
          options={"svtav1-params": "enable-overlays=0", "preset": "12"}),
    Clock("av1.mkv", "libsvtav1", size=(64, 64), options={"preset": "12"}),
    Clock("raw-25.h264", rate=Fraction(25), options=NO_B_FRAMES),
    Clock("raw-30.h264", options=NO_B_FRAMES),
    Clock("raw-60-b.h264", rate=Fraction(60), options=B_FRAMES),
    Clock("raw-film-b.h264", rate=FILM, options=B_FRAMES),
    Clock("raw-30.hevc", "libx265", size=(96, 96),
          options={"x265-params": "log-level=none:bframes=2"}),
    Clock("raw-50.m2v", "mpeg2video", Fraction(50), options={"bf": "2"}),
    Clock("raw-30.m4v", "mpeg4", options={"bf": "0"}),
    Clock("raw.mjpeg", "mjpeg", Fraction(25), pix_fmt="yuvj420p"),
    Clock("vp8.ivf", "libvpx", Fraction(50), options={"deadline": "realtime"}),
    Clock("plain.y4m", "wrapped_avframe", FILM, container="yuv4mpegpipe"),
    Clock("animation.gif", "gif", Fraction(20), pix_fmt="rgb8"),
    Clock("nut.nut", options=B_FRAMES),
    Clock("phone.3gp", "h263", NTSC, size=(128, 96)),
    Clock("windows.wmv", "wmv2", Fraction(25)),
    Clock("prores.mov", "prores_ks", Fraction(24), pix_fmt="yuv422p10le"),
    Clock("stamps-missing.avi", "mpeg4", options={"bf": "0"}, spoils=_without_stamp),
    Clock("trimmed.mp4", options=NO_B_FRAMES, damage=_edit_list_from(2560), hidden=5),
)  # fmt: skip
