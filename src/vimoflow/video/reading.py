"""Video files in.

Phones record sideways and say so in a display matrix, screen recorders and phones change their
frame rate, cameras start their clock anywhere and cables get pulled. `frames` hides all of that:
what it yields is upright, has square pixels and carries strictly increasing times.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from vimoflow.conventions import ASSUMED_FPS
from vimoflow.errors import InputError
from vimoflow.video.footage import Footage
from vimoflow.video.images import images_of
from vimoflow.video.opening import open_container
from vimoflow.video.orientation import UprightPictures, upright_of
from vimoflow.video.timing import TIME_TOLERANCE_S, FrameClock, Pace, ShownStamps
from vimoflow.video.video_frames import VideoFrame, VideoInfo

if TYPE_CHECKING:
    import av

_NO_TIMESTAMPS = 0x80  # AVFMT_NOTIMESTAMPS
_SAME_RATE = 0.01  # share by which a stated rate may be off a file's own
# Nearer starts are reached sooner by decoding than by seeking.
_SEEK_FROM_S = 2.0


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
        video: str | Path | Footage,
        start: float | None = None,
        end: float | None = None,
        scale: float = 1.0,
        rate: float | None = None,
    ) -> None:
        self._footage = Footage.of(video)
        self._path = self._footage.path
        self._pace = Pace(rate)
        self._start = start or 0.0
        self._end = float("inf") if end is None else end
        if not 0.0 <= self._start < self._end:
            raise InputError(
                f"{self._path}: the start ({self._start:g} s) must lie between 0 and the end "
                f"({self._end:g} s)"
            )
        self.warnings: tuple[str, ...] = ()
        self.clock: list[float] = []
        self._damaged_packets = 0
        self._images = images_of(self._path)
        self._container, self._stream = open_container((self._images or (self._path,))[0])
        try:
            decoded = self._decode()
            first = next(decoded, None)
            if first is None:
                raise InputError(f"{self._path}: not one frame of this video can be decoded")
            self._upright = upright_of(first, self._stream).turned(self._footage.rotate)
            self._pictures = UprightPictures(self._upright, scale)
            self.info = self._what_it_says(first)
            self._time_base = (
                Fraction(1 / self.info.fps) if self._images else _time_base(self._stream)
            )
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
        """Everything that can be decoded from here on, its stamps in the order it is shown."""
        import av

        if self._images is not None:
            yield from self._decode_images(self._images)
            return
        stamps = ShownStamps(bool(self._stream.codec_context.has_b_frames))
        for packet in self._packets():
            if packet is not None and packet.size:
                stamps.packet(packet.pts, packet.dts)
            try:
                for frame in self._stream.decode(packet):
                    frame.pts = stamps.frame(frame.pts)
                    yield frame
            except av.FFmpegError:
                self._damaged_packets += 1

    def _decode_images(self, images: tuple[Path, ...]) -> Generator[av.VideoFrame, None, None]:
        """One frame an image, stamped by its place."""
        import av

        for index, path in enumerate(images):
            try:
                container, stream = open_container(path)
                with container:
                    frame = next(container.decode(stream), None)
            except (InputError, av.FFmpegError):
                frame = None
            if frame is None:
                self._damaged_packets += 1
                continue
            frame.pts = index
            yield frame

    def _what_it_says(self, first: av.VideoFrame) -> VideoInfo:
        """Size, rate and length; a rate is the user's only where the file has no clock."""
        stream, said = self._stream, self._footage.fps
        size, name = self._upright.size, self._path.name
        if self._images is not None:
            if said is None:
                self._warn(f"images state no frame rate; {ASSUMED_FPS:g} Hz taken, --fps gives it")
            fps, count = said or ASSUMED_FPS, len(self._images)
            return VideoInfo(name, size, fps, count, count / fps)
        # A raw stream's container makes up a rate; the stream knows better.
        raw = first.pts is None or bool(self._container.format.flags & _NO_TIMESTAMPS)
        rate = stream.guessed_rate if raw else stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate and 0.1 <= rate <= 1000 else ASSUMED_FPS
        if said is not None and first.pts is None:
            fps = said
        elif said is not None and abs(said / fps - 1) > _SAME_RATE:
            raise InputError(
                f"{self._path}: states its own times ({fps:.5g} Hz on average), so it is not read "
                f"at {said:g} Hz; leave --fps out, it is for files without times"
            )
        if stream.duration:
            duration: float | None = float(stream.duration * _time_base(stream))
        else:
            duration = self._container.duration / 1e6 if self._container.duration else None
        frame_count = stream.frames or (round(duration * fps) if duration else None)
        return VideoInfo(name, size, fps, frame_count, duration)

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

        if self._start < _SEEK_FROM_S or first.pts is None or self._images is not None:
            return chain([first], decoded)
        wanted = first.pts + int(self._start / self._time_base)
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
        clock = FrameClock(first.pts, self._time_base, period)
        time, index, zero = 0.0, 0, None
        try:
            for frame in self._decoded_from_start(first, decoded):
                time = clock.seconds(frame.pts)
                if time >= self._end - TIME_TOLERANCE_S:
                    break
                if time < self._start - TIME_TOLERANCE_S:
                    continue
                zero = time if zero is None else zero
                self.clock.append(time - zero)
                if self._pace.takes(self.clock[-1]):
                    rgb = self._pictures.rgb(frame)
                    yield VideoFrame(rgb, self.clock[-1], index)
                    index += 1
            else:
                self._check_complete(time + period)
            if zero is None:
                wanted = f"after {self._start:g} s"
                if math.isfinite(self._end):
                    wanted = f"between {self._start:g} s and {self._end:g} s"
                length = f"the video is {time + period:.2f} s long"
                raise InputError(f"{self._path}: no frame lies {wanted}; {length}")
        finally:
            self._warn_of_repairs(clock)
            self._container.close()

    def _check_complete(self, end_time: float) -> None:
        # Some containers count the length from the clock's zero, wherever the first frame is.
        late = max(0.0, float((self._stream.start_time or 0) * self._time_base))
        duration = self.info.duration
        end_time += late
        if duration and not self.warnings and end_time < duration - max(0.5, 0.02 * duration):
            self._warn(f"only {end_time:.2f} s of {duration:.2f} s can be read: the file was cut")

    def _warn_of_repairs(self, clock: FrameClock) -> None:
        if self._damaged_packets:
            what = "packets" if self._images is None else "images"
            self._warn(f"{self._damaged_packets} damaged {what} were skipped")
        if clock.jumps:
            self._warn(f"the clock jumps {clock.jumps} times; the frames were joined")

    def _warn(self, message: str) -> None:
        self.warnings += (message,)


def open_video(video: str | Path | Footage) -> VideoInfo:
    """Size, rate and length of a video, from its header and its first frame.

    Raises:
        InputError: the file is missing, is no video or holds not one frame that can be decoded.
    """
    stream = FrameStream(video)
    stream.close()
    return stream.info


def frames(
    video: str | Path | Footage,
    start: float | None = None,
    end: float | None = None,
    scale: float = 1.0,
    rate: float | None = None,
) -> FrameStream:
    """Decode a video one frame at a time.

    Args:
        video: a file, a folder of images or a pattern of their names; or one of these with what
            its user says of it.
        start: first moment wanted, in seconds from the file's first frame.
        end: first moment not wanted any more.
        scale: how large the pictures are to be, by the file's; made while colours are converted,
            which is cheaper than afterwards.
        rate: how many frames a second are wanted, Hz; the others of a faster video are decoded but
            left out. None wants all.

    Returns:
        An iterator of upright frames; its `info` and `warnings` say more.

    Raises:
        InputError: at once if the file cannot be opened, or states another rate than its user; at
            the first frame if none lies between start and end.
    """
    return FrameStream(video, start, end, scale, rate)


def _time_base(stream: av.VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 90_000)
