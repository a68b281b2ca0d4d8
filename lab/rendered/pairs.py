"""Training pairs: motions filmed on the body, and what MediaPipe found in the pictures.

No noise model errs as the detector itself does. The cameras stand still, so that a pair is a
recording with one real view.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lab.rendered.bodies import OTHERS, Body, load_people
from lab.rendered.clips import load_arrays, save_arrays
from lab.rendered.rendering import Studio
from lab.rendered.scenes import PAIR_SIZE_PX, Scene, choose_scenes
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.manifest import ShardEntry
from vimoflow.data.recording import Recording
from vimoflow.data.shards import Shard, write_shard
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import camera_heading
from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator
from vimoflow.motion.clip import Motion
from vimoflow.video import VideoFrame

CORPUS = "rendered"
_ROUND = 100  # clips of one seed: every motion is filmed at most once in a round
_ARRAYS = ("poses", "trans", "contacts", "points_px", "heading", "lens")
_SEEN_SHARE = 0.5  # of the frames; below it MediaPipe lost the person, and the pair teaches little
_FIRST_SEED = 5000  # far from the benchmark's


def film_pairs(
    shards: Sequence[Shard],
    folder: Path,
    count: int,
    progress: Callable[[int, int | None], None] | None = None,
) -> None:
    """Film and detect ``count`` clips into a folder; clips that are there already are left alone.

    Raises:
        ConfigError: Anny, pyrender, EGL or MediaPipe is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    people = load_people(folder, OTHERS)
    scenes = itertools.islice(_scenes(shards, len(people)), count)
    with Studio(PAIR_SIZE_PX) as studio:
        for done, (name, scene) in enumerate(scenes):
            path = folder / f"{name}.npz"
            if not path.is_file():
                save_arrays(path, _pair(studio, scene, people[scene.person]))
            if progress is not None:
                progress(done + 1, count)


def pack_pairs(folder: Path, filmed: Sequence[Shard], output: Path) -> ShardEntry:
    """The pairs of these shards' corpora that a folder holds, as the shard ``rendered``.

    Raises:
        InputError: a pair is damaged, or MediaPipe found nobody in any.
    """
    entries = {shard.entry.corpus: shard.entry for shard in filmed}
    recordings = [
        Recording(
            path.stem, CORPUS, "train",
            Motion(found["poses"], found["trans"], MODEL_FPS, found["contacts"]),
            keypoints_px=found["points_px"][None], heading_of_view=found["heading"][None],
            lens_of_view=found["lens"][None],
        )
        for path in sorted(folder.glob("pair-*.npz"))
        if path.stem.split("-", 3)[3] in entries
        for found in [load_arrays(path, _ARRAYS)]
        if (found["points_px"][..., 2] > 0).any(axis=1).mean() >= _SEEN_SHARE
    ]  # fmt: skip
    if not recordings:
        raise InputError(f"{folder}: MediaPipe found nobody in its clips; film more")
    free = all(entry.allows_commercial_use for entry in entries.values())
    terms = "as the motions filmed" + ("" if free else ", not for commercial use")
    return write_shard(recordings, output, terms, "rendered on Anny (Apache-2.0), MediaPipe full")


def _scenes(shards: Sequence[Shard], people: int) -> Iterator[tuple[str, Scene]]:
    for seed in itertools.count(_FIRST_SEED):
        for scene in choose_scenes(shards, _ROUND, seed, ("static anyhow",), people):
            yield f"pair-{seed}-{scene.name}", scene


def _pair(studio: Studio, scene: Scene, body: Body) -> dict[str, np.ndarray]:
    pictures = (
        VideoFrame(frame.rgb, i / MODEL_FPS, i) for i, frame in enumerate(studio.film(scene, body))
    )
    points = np.stack(list(MediaPipeEstimator().estimate(pictures)))
    camera, motion = scene.camera, scene.motion
    R = camera.R_camera_world[0]
    lens = np.concatenate((
        camera.focal_px[:1].numpy(), camera.center_px[0].numpy(), -R[:, 1].numpy()
    ))  # fmt: skip
    return {
        "poses": motion.poses, "trans": motion.trans, "contacts": motion.contacts,
        "points_px": points.astype(np.float32), "lens": lens.astype(np.float32),
        "heading": np.float32(camera_heading(R)),
    }  # fmt: skip
