"""A video looked at in two halves at once, because one detector keeps one core busy.

The second half begins a second early, so that its detector has found the person, and its filter has
settled, where the first one ends; there the two are compared. Where they differ the video is looked
at in one go. The halves are the same whether two processes look at them or one, so that the result
does not depend on the machine's cores.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.keypoints.cuts import CutWatch, PictureChanges
from vimoflow.keypoints.estimators import find_estimator, look, require_somebody
from vimoflow.keypoints.people_census import Census, SeveralPeopleError
from vimoflow.keypoints.people_sizes import metre_px
from vimoflow.keypoints.region import Region
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.pipeline.threads import own_cores
from vimoflow.registry import DETECTORS
from vimoflow.video import Footage, frames, open_video
from vimoflow.video.camera_motion import CameraWatch

_SHORTEST_S = 6.0  # of a video that is worth a second detector
_OVERLAP_S = 1.0  # of the halves
_COMPARED = 10  # looks at the overlap's end
_SAME_M = 0.02  # median distance of the halves' points there
_SEVERAL = 3  # exit code of a second process that saw several people
_MEMORY = 1_000_000_000  # bytes that a second process may need

Show = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Task:
    """What to look at, and with what; the fields are those of `keypoints.estimators.look`.

    ``alone``: whether somebody else in the picture is an error, see `people_census.Census`.
    """

    path: str
    fps: float | None
    rotate: int
    estimator: str
    start: float | None
    end: float | None
    region: tuple[int, int, int, int] | None
    rate: float | None
    zero: float | None = None
    alone: bool = False

    @property
    def video(self) -> Footage:
        """The pictures."""
        return Footage(Path(self.path), self.fps, self.rotate)


@dataclass(frozen=True)
class Seen:
    """What was seen of a video.

    Attributes:
        keypoints: of the frames that were looked at.
        clock: times of all frames, seconds.
        warnings: what was wrong with the file.
        changes: where the picture changed, by the looks' numbers.
        camera: how it moved from look to look; None where that was not seen.
    """

    keypoints: Keypoints2D
    clock: Float[np.ndarray, " frames"]
    warnings: tuple[str, ...]
    changes: PictureChanges
    camera: CameraPath | None

    @property
    def cuts(self) -> tuple[int, ...]:
        """First looks of new shots."""
        return self.changes.cuts(self.keypoints)


def see(task: Task, show: Show) -> Seen:
    """Keypoints of one person in a video, and what was noticed beside them.

    Raises:
        InputError, ConfigError: as `keypoints.estimators.extract`.
        SeveralPeopleError: the person is not alone.
    """
    seen = _in_halves(task, show) or _whole(task, show)
    require_somebody(seen.keypoints, task.path)
    return seen


def _whole(task: Task, show: Show | None) -> Seen:
    watch = CutWatch(find_estimator(task.estimator))
    camera = CameraWatch(watch)
    region = None if task.region is None else Region(*task.region)
    where = (task.start, task.end, show, region, task.rate, task.zero)
    found = look(task.video, Census(camera) if task.alone else camera, *where)
    return Seen(found.keypoints, found.clock, found.warnings, watch.changes, camera.path)


def _in_halves(task: Task, show: Show) -> Seen | None:
    """None where that is not worth it, or the halves do not meet."""
    middle = _middle(task)
    if middle is None or task.estimator not in DETECTORS.names:
        return None
    first = dataclasses.replace(task, end=middle)
    second = dataclasses.replace(task, start=middle - _OVERLAP_S, zero=_zero(task))

    def show_both(done: int, total: int | None) -> None:
        show(2 * done, None if total is None else 2 * total)

    try:
        if own_cores() < 2 or _memory_left() < _MEMORY:
            return _joined(_whole(first, show_both), _whole(second, None))
        with tempfile.TemporaryDirectory(prefix="vimoflow-") as folder:
            file = Path(folder) / "seen.npz"
            told = json.dumps(dataclasses.asdict(second))
            command = [sys.executable, "-m", __name__, told, str(file)]
            none = subprocess.DEVNULL
            with subprocess.Popen(command, stdin=none, stdout=none, stderr=none) as other:
                try:
                    seen = _whole(first, show_both)
                    failed = other.wait()
                finally:
                    other.kill()
            if failed == _SEVERAL:
                raise SeveralPeopleError
            return None if failed else _joined(seen, _read(file))
    except (InputError, OSError):
        return None  # a file that cannot be read from its middle may be read from its beginning


def _middle(task: Task) -> float | None:
    """Where to divide a video, seconds; None where it is short, or its length is not known."""
    length = open_video(task.video).duration
    if length is None:
        return None
    start, end = task.start or 0.0, min(length, task.end or length)
    return (start + end) / 2 if end - start >= _SHORTEST_S else None


def _zero(task: Task) -> float:
    """When the first frame wanted is shown, seconds from the file's first."""
    if not task.start:
        return 0.0
    stream = frames(task.video, task.start, task.end, zero=0.0)
    time = next(stream).time
    stream.close()
    return time


def _joined(first: Seen, second: Seen) -> Seen | None:
    """One after the other; None where they do not meet."""
    begin = int(np.searchsorted(second.clock, first.clock[-1] + 1e-6))
    early = int(np.searchsorted(second.keypoints.timestamps, first.clock[-1] + 1e-6))
    if first.warnings or not _meet(first.keypoints, second.keypoints, early):
        return None
    shift = len(first.keypoints) - early

    def later(numbers: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(i + shift for i in numbers if i >= early)

    ours, theirs = first.keypoints, second.keypoints
    a, b = first.changes, second.changes
    return Seen(
        dataclasses.replace(
            ours,
            points=np.concatenate([ours.points, theirs.points[early:]]),
            timestamps=np.concatenate([ours.timestamps, theirs.timestamps[early:]]),
        ),
        np.concatenate([first.clock, second.clock[begin:]]),
        second.warnings,
        PictureChanges(a.hard + later(b.hard), a.slight + later(b.slight)),
        _one_camera(first.camera, second.camera, early),
    )


def _one_camera(
    first: CameraPath | None, second: CameraPath | None, early: int
) -> CameraPath | None:
    """The second half's camera after the first one's, whose last look is before ``early``."""
    return None if first is None or second is None else first.then(second, early)


def _meet(first: Keypoints2D, second: Keypoints2D, early: int) -> bool:
    """Whether both saw the same at the same times, where one ends and the other has begun."""
    count = min(_COMPARED, len(first), early)
    if early >= len(second) or count < _COMPARED:
        return False
    ours, theirs = slice(len(first) - count, None), slice(early - count, early)
    if np.abs(first.timestamps[ours] - second.timestamps[theirs]).max() > 1e-4:
        return False
    a, b = first.points[ours], second.points[theirs]
    if ((a[..., 2] > 0).any(1) != (b[..., 2] > 0).any(1)).any():
        return False
    both = (a[..., 2] > 0) & (b[..., 2] > 0)
    apart_px = np.linalg.norm(a[..., :2] - b[..., :2], axis=-1)[both]
    return not both.any() or float(np.median(apart_px)) < _SAME_M * metre_px(first.points)


def _memory_left() -> float:
    """Bytes that are free, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * float(next(x for x in lines if x.startswith("MemAvailable")).split()[1])
    except (OSError, StopIteration, ValueError):
        return float("inf")


def _write(seen: Seen, file: Path) -> None:
    one = seen.keypoints
    told = {"size": one.image_size, "names": (one.source, one.estimator), "notes": seen.warnings}
    np.savez(
        file, points=one.points, times=one.timestamps, clock=seen.clock, told=json.dumps(told),
        hard=seen.changes.hard, slight=seen.changes.slight,
        **({} if seen.camera is None else seen.camera.arrays()),
    )  # fmt: skip


def _read(file: Path) -> Seen:
    with np.load(file, allow_pickle=False) as a:
        told: dict[str, Any] = json.loads(str(a["told"]))
        size = tuple(told["size"])
        hard, slight = ([int(i) for i in a[name]] for name in ("hard", "slight"))
        return Seen(
            Keypoints2D(a["points"], a["times"], size, *told["names"]),
            a["clock"],
            tuple(told["notes"]),
            PictureChanges(tuple(hard), tuple(slight)),
            CameraPath.of_arrays(a) if "zoom" in a else None,
        )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        _write(_whole(Task(**json.loads(sys.argv[1])), None), Path(sys.argv[2]))
    except SeveralPeopleError:
        sys.exit(_SEVERAL)
