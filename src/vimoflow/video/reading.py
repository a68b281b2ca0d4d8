"""Video files in.

Phones record sideways and say so in a display matrix, screen recorders and phones change their
frame rate, cameras start their clock anywhere and cables get pulled. `frames` hides all of that:
what it yields is upright, has square pixels and carries strictly increasing times.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from vimoflow.errors import InputError
from vimoflow.video.orientation import upright_of
from vimoflow.video.timing import TIME_TOLERANCE_S, FrameClock, Pace

if TYPE_CHECKING:
    import av

# Decoders whose "pictures" are drawn text, such as a .txt file's, or nothing at all.
_TEXT_CODECS = frozenset({"ansi", "bintext", "idf", "xbin"})
# Nearer starts are reached sooner by decoding than by seeking.
_SEEK_FROM_S = 2.0


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header and first frame say.

    Attributes:
        name: file name, for messages.
        size: (width, height) in pixels of the upright image with square pixels.
        fps: mean frame rate in Hz, an estimate; 30 where the file does not say.
        frame_count: number of frames, an estimate, or None where the file does not say.
        duration: length in seconds, or None where the file does not say.
    """

    name: str
    size: tuple[int, int]
    fps: float
    frame_count: int | None
    duration: float | None


@dataclass(frozen=True)
class VideoFrame:
    """One upright picture.

    Attributes:
        rgb: the picture, 8 bits a channel, rows from the top.
        time: seconds from the first frame yielded, strictly increasing.
        index: 0 for the first frame yielded.
    """

    rgb: UInt8[np.ndarray, "height width 3"]
    time: float
    index: int


class FrameStream(Iterator[VideoFrame]):
    """The frames of a video, decoded as they are asked for; a few are in memory at a time.

    Attributes:
        info: what the file says about itself.
        warnings: what was wrong with the file but did not stop the decoding, one sentence each;
            complete once the stream has ended.
        clock: times of all frames so far, those between included that a rate leaves out.
    """

    def __init__(
        self,
        path: str | Path,
        start: float | None = None,
        end: float | None = None,
        scale: float = 1.0,
        rate: float | None = None,
    ) -> None:
        self._path = Path(path)
        self._scale, self._pace = scale, Pace(rate)
        self._start = start or 0.0
        self._end = float("inf") if end is None else end
        if not 0.0 <= self._start < self._end:
            raise InputError(
                f"{path}: the start ({self._start:g} s) must lie between 0 and the end "
                f"({self._end:g} s)"
            )
        self.warnings: tuple[str, ...] = ()
        self.clock: list[float] = []
        self._damaged_packets = 0
        self._container, self._stream = open_container(self._path)
        try:
            decoded = self._decode()
            first = next(decoded, None)
            if first is None:
                raise InputError(f"{path}: not one frame of this video can be decoded")
            self._upright = upright_of(first, self._stream)
            self.info = _info(self._path, self._stream, self._container, self._upright.size)
        except BaseException:
            self._container.close()
            raise
        self._frames = self._select(first, decoded)

    def __next__(self) -> VideoFrame:
        return next(self._frames)

    def close(self) -> None:
        """Close the file; the stream ends."""
        self._frames.close()
        self._container.close()

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        """Everything that can be decoded from here on; faults become warnings."""
        import av

        for packet in self._packets():
            try:
                yield from self._stream.decode(packet)
            except av.FFmpegError:
                self._damaged_packets += 1

    def _packets(self) -> Iterator[av.Packet | None]:
        import av

        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self._warn("the file breaks off or is damaged; what comes before was used")
            yield None  # lets the decoder hand out the frames it still holds

    def _decoded_from_start(
        self, first: av.VideoFrame, decoded: Iterator[av.VideoFrame]
    ) -> Iterator[av.VideoFrame]:
        """Frames from a key frame at or before the start, or from the file's first frame."""
        import av

        if self._start < _SEEK_FROM_S or first.pts is None:
            return chain([first], decoded)
        wanted = first.pts + int(self._start / _time_base(self._stream))
        landed = None
        with suppress(av.FFmpegError):
            self._container.seek(wanted, stream=self._stream)
            decoded = self._decode()
            landed = next(decoded, None)
        if landed is not None and landed.pts is not None and first.pts <= landed.pts <= wanted:
            return chain([landed], decoded)
        # The file's index is missing or wrong: read everything up to the start instead.
        self._container.close()
        self._container, self._stream = open_container(self._path)
        return self._decode()

    def _select(
        self, first: av.VideoFrame, decoded: Iterator[av.VideoFrame]
    ) -> Generator[VideoFrame, None, None]:
        """Frames with start <= time < end, in seconds from the file's first frame."""
        period = 1.0 / self.info.fps
        clock = FrameClock(first.pts, _time_base(self._stream), period)
        time, time_of_first, index = 0.0, None, 0
        try:
            for frame in self._decoded_from_start(first, decoded):
                time = clock.seconds(frame.pts)
                if time >= self._end - TIME_TOLERANCE_S:
                    break
                if time < self._start - TIME_TOLERANCE_S:
                    continue
                time_of_first = time if time_of_first is None else time_of_first
                self.clock.append(time - time_of_first)
                if self._pace.takes(self.clock[-1]):
                    rgb = self._upright.rgb(frame, self._scale)
                    yield VideoFrame(rgb, self.clock[-1], index)
                    index += 1
            else:
                self._check_complete(time + period)
            if time_of_first is None:
                wanted = f"after {self._start:g} s"
                if math.isfinite(self._end):
                    wanted = f"between {self._start:g} s and {self._end:g} s"
                length = f"the video is {time + period:.2f} s long"
                raise InputError(f"{self._path}: no frame lies {wanted}; {length}")
        finally:
            self._warn_of_repairs(clock)
            self._container.close()

    def _check_complete(self, end_time: float) -> None:
        duration = self.info.duration
        if duration and not self.warnings and end_time < duration - max(0.5, 0.02 * duration):
            self._warn(f"only {end_time:.2f} s of {duration:.2f} s can be read: the file was cut")

    def _warn_of_repairs(self, clock: FrameClock) -> None:
        if self._damaged_packets:
            self._warn(f"{self._damaged_packets} damaged packets were skipped")
        if clock.jumps:
            self._warn(f"the clock jumps {clock.jumps} times; the frames were joined")

    def _warn(self, message: str) -> None:
        self.warnings += (message,)


def open_video(path: str | Path) -> VideoInfo:
    """Size, rate and length of a video, from its header and its first frame.

    Raises:
        InputError: the file is missing, is no video or holds not one frame that can be decoded.
    """
    stream = FrameStream(path)
    stream.close()
    return stream.info


def frames(
    path: str | Path,
    start: float | None = None,
    end: float | None = None,
    scale: float = 1.0,
    rate: float | None = None,
) -> FrameStream:
    """Decode a video one frame at a time.

    Args:
        path: video file.
        start: first moment wanted, in seconds from the file's first frame.
        end: first moment not wanted any more.
        scale: how large the pictures are to be, by the file's; made while colours are converted,
            which is cheaper than afterwards.
        rate: how many frames a second are wanted, Hz; the others of a faster video are decoded but
            left out. None wants all.

    Returns:
        An iterator of upright frames whose times start at 0; its `info` and `warnings` say more.

    Raises:
        InputError: at once if the file cannot be opened, at the first frame if none lies between
            start and end.
    """
    return FrameStream(path, start, end, scale, rate)


def open_container(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
    """The file opened, and its best video stream; the caller closes it.

    Raises:
        InputError: the file is missing, or holds no video.
    """
    import av
    from av.stream import Disposition

    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a video file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        # Playlists must not make the decoder open addresses on the network.
        container = av.open(
            str(path.absolute()),
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (PermissionError, av.PermissionError) as error:
        raise InputError(f"{path}: no permission to read this file") from error
    except (OSError, av.FFmpegError, UnicodeError) as error:
        raise InputError(f"{path}: {_why_unreadable(path)}") from error
    stream = container.streams.best("video")
    # The "video" of a song is its cover.
    if (
        not isinstance(stream, av.VideoStream)
        or stream.disposition & Disposition.attached_pic
        or stream.codec_context.name in _TEXT_CODECS
    ):
        container.close()
        raise InputError(f"{path}: holds no video (audio or text only?)")
    stream.thread_type = "AUTO"
    return container, stream


def _time_base(stream: av.VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 90_000)


def _why_unreadable(path: Path) -> str:
    with path.open("rb") as file:
        is_mp4 = file.read(12)[4:8] == b"ftyp"
    if is_mp4:
        return "the file's index is missing: it was cut off while it was recorded or copied"
    return "is not a video file, or one that is damaged"


def _info(
    path: Path,
    stream: av.VideoStream,
    container: av.container.InputContainer,
    size: tuple[int, int],
) -> VideoInfo:
    rate = stream.average_rate or stream.guessed_rate
    fps = float(rate) if rate and 0.1 <= rate <= 1000 else 30.0
    if stream.duration:
        duration: float | None = float(stream.duration * _time_base(stream))
    else:
        duration = container.duration / 1e6 if container.duration else None
    frame_count = stream.frames or (round(duration * fps) if duration else None)
    return VideoInfo(path.name, size, fps, frame_count, duration)
