"""Opening video files: what a container is, and why it is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign

if TYPE_CHECKING:
    import av

# Decoders whose "pictures" are drawn text, such as a .txt file's, or nothing at all.
_TEXT_CODECS = frozenset({"ansi", "bintext", "idf", "xbin"})


def open_container(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
    """The file opened, and its best video stream; the caller closes it.

    Raises:
        InputError: the file is missing, or holds no video.
    """
    import av
    from av.stream import Disposition

    refuse_foreign(path)
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
    # PyAV has no context for a codec that no decoder knows.
    if isinstance(stream, av.VideoStream) and stream.codec_context is None:
        container.close()
        raise InputError(f"{path}: its codec is not known; convert it to H.264 first")
    # The "video" of a song is its cover.
    if (
        not isinstance(stream, av.VideoStream)
        or stream.disposition & Disposition.attached_pic
        or stream.codec_context.name in _TEXT_CODECS
    ):
        container.close()
        raise InputError(
            f"{path}: holds no video (audio or text only?); name a video such as dance.mp4"
        )
    stream.thread_type = "AUTO"
    return container, stream


def _why_unreadable(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "the file's index is missing: it was cut off while it was recorded or copied"
    if head.startswith(b"PK\x03\x04"):
        return "is a zip archive, not a video; unpack it, then name the video in it"
    if path.suffix.lower() in (".bvh", ".fbx", ".glb", ".gltf", ".c3d"):
        return (
            "is not a video: it looks like a finished motion. Videos and 2D keypoints are what is "
            "animated here; `vimoflow edit` takes motions (.bvh, .npz)"
        )
    return "is not a video file, or one that is damaged"
