"""Video files out."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from vimoflow.errors import OutputError

if TYPE_CHECKING:
    import av

_TIME_BASE = Fraction(1, 90_000)


class VideoWriter:
    """Writes an MP4 (H.264, or MPEG-4 where the build has no H.264 encoder); a context manager.

    The file appears under its name only when the block ends well; nothing is left otherwise. An odd
    width or height grows by one repeated row, because the codec wants even ones.

    Args:
        path: where the file goes; an existing one is replaced.
        size: (width, height) in pixels of the frames.
        fps: nominal rate in Hz; the frames' own times count.
        quick: encode in a third of the time, into twice as many bytes.

    Raises:
        OutputError: the file cannot be written, or no frame was.
    """

    def __init__(
        self, path: str | Path, size: tuple[int, int], fps: float, quick: bool = False
    ) -> None:
        self._path = Path(path)
        self._temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._size = size
        self._fps, self._quick = fps, quick
        self._last_pts: int | None = None

    def __enter__(self) -> VideoWriter:
        import av

        try:
            self._container = av.open(
                str(self._temporary.absolute()),
                "w",
                format="mp4",
                options={"movflags": "+faststart"},
            )
            self._stream = _add_stream(self._container, self._size, self._fps, self._quick)
            # Opens the file now rather than with the first frame.
            self._container.start_encoding()
        except (OSError, av.FFmpegError) as error:
            self._discard()
            raise self._unwritable(error) from error
        return self

    def write(self, rgb: UInt8[np.ndarray, "height width 3"], time: float) -> None:
        """Append one frame, to be shown at `time` seconds; times must increase.

        Raises:
            OutputError: the disk is full or the file otherwise cannot be written.
            ValueError: the frame has another size than the video, or its time does not increase.
        """
        import av
        import cv2

        height, width = rgb.shape[:2]
        if (width, height) != self._size:
            raise ValueError(f"the frame is {width}x{height}, the video {self._size}")
        pts = round(time / _TIME_BASE)
        if self._last_pts is not None and pts <= self._last_pts:
            raise ValueError(f"the frame's time, {time} s, is not later than the last one's")
        if width % 2 or height % 2:
            rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        # A fifth of what libswscale takes for it.
        yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)
        frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        frame.pts, frame.time_base = pts, _TIME_BASE
        self._mux(frame)
        self._last_pts = pts

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        import av

        try:
            if kind is None:
                if self._last_pts is None:
                    raise OutputError(f"{self._path}: there is no frame to write")
                self._mux(None)
                self._container.close()
                os.replace(self._temporary, self._path)
        except (OSError, av.FFmpegError) as fault:
            raise self._unwritable(fault) from fault
        finally:
            self._discard()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame, or with None what the encoder still holds."""
        import av

        try:
            self._container.mux(self._stream.encode(frame))
        except (OSError, av.FFmpegError) as error:
            raise self._unwritable(error) from error

    def _discard(self) -> None:
        """Remove what was not finished; closing a broken container may complain once more."""
        with suppress(Exception):
            self._container.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _unwritable(self, error: BaseException) -> OutputError:
        reason = getattr(error, "strerror", None) or str(error)
        return OutputError(f"{self._path}: cannot be written ({reason})")


def _add_stream(
    container: av.container.OutputContainer, size: tuple[int, int], fps: float, quick: bool
) -> av.VideoStream:
    import av

    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    stream: Any = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
    stream.width, stream.height = (side + side % 2 for side in size)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _TIME_BASE
    if codec == "libx264":
        crf, preset, ahead = ("24", "ultrafast", 0) if quick else ("20", "veryfast", 5)
        if quick:  # whoever hurries draws meanwhile, and sharing a picture out costs a quarter more
            stream.codec_context.thread_count = 1
        stream.options = {"crf": crf, "preset": preset, "x264-params": f"rc-lookahead={ahead}"}
    else:
        # MPEG-4's own clock counts in 16 bits.
        stream.codec_context.time_base = Fraction(1, 30_000)
        stream.bit_rate = 8_000_000
    return stream
