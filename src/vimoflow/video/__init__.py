"""Video files in and out: upright RGB frames with their times, one at a time."""

from vimoflow.video.footage import Footage
from vimoflow.video.prefetch import prefetch
from vimoflow.video.reading import FrameStream, frames, open_video
from vimoflow.video.video_frames import VideoFrame, VideoInfo, passing
from vimoflow.video.writing import VideoWriter

__all__ = [
    "Footage",
    "FrameStream",
    "VideoFrame",
    "VideoInfo",
    "VideoWriter",
    "frames",
    "open_video",
    "passing",
    "prefetch",
]
