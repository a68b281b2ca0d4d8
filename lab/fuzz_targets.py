"""What the fuzzer feeds: every reader of the package, with valid files to start from."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab import fuzzed_corpora as corpora
from lab import fuzzed_figures
from lab import fuzzed_files as files
from lab.calibrated.calibrations import read_calibration
from lab.corpora.aistpp_files import read_cameras, read_name_list
from lab.corpora.amc import read_amc, read_asf
from lab.corpora.climb import read_points
from lab.corpora.deepmimic import read_deepmimic
from lab.corpora.poselib import read_poselib
from lab.corpora.tang2018 import read_tang2018_file
from lab.fuzzed_files import mutate
from vimoflow.characters.alignment import align
from vimoflow.characters.character_files import animated, read_character
from vimoflow.characters.mapping import find_map
from vimoflow.data.motion_files import load_motion, load_motions
from vimoflow.data.rig_maps import load_rig_map
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.errors import VimoflowError
from vimoflow.evaluation.benchmark.benchmark_file import read_manifest
from vimoflow.evaluation.benchmark.music_beats import read_audio
from vimoflow.factory.video_lists import find_videos
from vimoflow.formats.amass_npz import read_amass
from vimoflow.formats.bvh_reader import bvh_to_source_motion, read_bvh
from vimoflow.formats.motion_npz import load_motion_npz, save_motion_npz
from vimoflow.formats.smpl_results import read_smpl_results
from vimoflow.keypoints.formats import read_file, read_keypoints, read_people
from vimoflow.motion.character import CharacterMotion
from vimoflow.motion.clip import Motion
from vimoflow.music.music_model import load_music_model
from vimoflow.pickles import load as load_pickle
from vimoflow.training.recipe_files import read_recipe
from vimoflow.video import frames
from vimoflow.video.sound import read_onsets

Read = Callable[[Path], object]

__all__ = ["Target", "mutate", "targets"]


@dataclass(frozen=True)
class Target:
    """A reader, valid files to start from, and a writer of half-valid ones.

    Attributes:
        share: percent of all inputs; cheap readers get more.
    """

    name: str
    suffix: str
    read: Read
    seeds: tuple[bytes, ...]
    write: Callable[[random.Random], bytes]
    share: int = 2


def targets() -> list[Target]:
    """All readers, with valid files made here."""
    rng = random.Random(1)
    bvh = tuple(files.write_bvh_text(rng) for _ in range(20))
    poses = np.random.default_rng(0).normal(size=(3, 24, 3))
    motion = Motion(poses, np.zeros((3, 3)), 30.0, np.zeros((3, 4)))
    with tempfile.TemporaryDirectory() as folder:
        save_motion_npz(motion, Path(folder) / "m.npz")
        saved = (Path(folder) / "m.npz").read_bytes()
    keypoints = files.npz_bytes(
        points=np.full((3, 17, 3), 0.5), timestamps=np.arange(3.0), image_size=(9, 9)
    )
    jsons = tuple(files.safe_json(rng) for _ in range(20))
    pickles = tuple(files.write_pickle(rng) for _ in range(20))
    archives, tensors = files.smpl_files()
    tools, tables, videos = files.detector_files(), files.text_tables(), files.videos()
    return [
        Target("BVH", ".bvh", _bvh_posed, bvh, files.write_bvh_text, 10),
        Target("keypoint JSON", ".json", read_keypoints, jsons, files.safe_json, 10),
        Target("keypoint npz", ".npz", read_keypoints, (keypoints,), _archives(keypoints), 6),
        Target("motion npz", ".npz", load_motion_npz, (saved,), _archives(saved), 4),
        Target("SMPL npz", ".npz", read_amass, archives, _archives(*archives), 5),
        Target("SMPL results", ".pt", _results, tensors, _mutants(tensors), 3),
        Target("pickle", ".pkl", load_pickle, pickles, files.write_pickle, 6),
        Target("detectors' files", ".any", read_people, tools, _mutants(tools), 6),
        Target("tables and dialects", ".any", _assumed, tables, _mutants(tables), 4),
        Target("video", ".mp4", _decoded, videos, _mutants(videos)),
        *_figure_targets(motion),
        *_corpus_targets(),
    ]


def _figure_targets(motion: Motion) -> list[Target]:
    """Skeletons and characters of other programs."""
    figures, rigs = fuzzed_figures.figures(motion), files.motion_files("fbx")
    people = corpora.rig_files()
    skeletons = {
        name: files.motion_files(name.lower())
        for name in ("FBX", "GLB", "VRMA", "USDA", "USDC", "USDZ", "C3D", "TRC", "CSV")
    }
    return [
        *(
            Target(
                name, f".{name.lower()}", load_motions, seeds, _mutants(seeds), 2 - ("USD" in name)
            )
            for name, seeds in skeletons.items()
        ),
        Target("character GLB", ".glb", _mapped, figures, fuzzed_figures.glb_writer(figures)),
        Target("character FBX", ".fbx", _mapped, rigs, _mutants(rigs)),
        Target("character BVH", ".bvh", _mapped, people, _mutants(people)),
    ]


def _corpus_targets() -> list[Target]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.asf"
        path.write_text(corpora.ASF)
        skeleton = read_asf(path)
    texts = _every(
        read_asf, lambda path: read_amc(path, skeleton), read_deepmimic, read_cameras,
        read_name_list, lambda path: find_videos([path]),
    )  # fmt: skip
    arrays = _every(read_poselib, read_points, read_tang2018_file, load_motion)
    settings = _every(load_rig_map, read_recipe, read_manifest, read_calibration)
    kinds: list[tuple[str, str, Read, tuple[bytes, ...], int]] = [
        ("people as BVH", ".bvh", load_motion, corpora.rig_files(), 3),
        ("corpora's text", ".csv", texts, corpora.corpus_texts(), 4),
        ("settings in TOML", ".toml", settings, corpora.settings(), 4),
        ("cameras in YAML", ".yml", read_calibration, corpora.opencv_cameras(), 2),
        ("corpora's arrays", ".npz", arrays, corpora.array_files(), 3),
        ("checkpoints", ".safetensors", _every(load_checkpoint, load_music_model),
         corpora.model_files(), 1),
        ("sound", ".wav", _every(read_audio, read_onsets), corpora.sounds(), 1),
        ("images", ".png", _decoded, corpora.images(), 2),
        ("SMPL pickles", ".pkl", _results, corpora.smpl_pickles(), 3),
    ]  # fmt: skip
    return [
        Target(name, suffix, read, seeds, _mutants(seeds), share)
        for name, suffix, read, seeds, share in kinds
    ]


def _every(*readers: Read) -> Read:
    """All of them on each file; refused where all refuse it, each in one line with its name."""

    def read(path: Path) -> object:
        refusals = []
        for one in readers:
            try:
                one(path)
            except VimoflowError as error:
                if path.name not in str(error) or "\n" in str(error):
                    raise
                refusals.append(error)
        if len(refusals) == len(readers):
            raise refusals[0]
        return None

    return read


def _bvh_posed(path: Path) -> object:
    return bvh_to_source_motion(read_bvh(path), 0.01)


def _mapped(path: Path) -> object:
    character = read_character(path)
    align(character, find_map(character))
    still = CharacterMotion(character, "still", np.zeros(1), {0: np.eye(4)[3:]}, {})
    return None if path.suffix == ".bvh" else animated(still, path)


def _results(path: Path) -> object:
    return read_smpl_results(path, 30.0)


def _assumed(path: Path) -> object:
    return read_file(path, None, None, 25.0)


def _decoded(path: Path) -> object:
    return [frame.time for frame, _ in zip(frames(path), range(50), strict=False)]


def _mutants(seeds: tuple[bytes, ...]) -> Callable[[random.Random], bytes]:
    return lambda rng: files.mutate(rng.choice(seeds), rng)


def _archives(*seeds: bytes) -> Callable[[random.Random], bytes]:
    writers = [files.archive_writer(seed) for seed in seeds]
    return lambda rng: rng.choice(writers)(rng)
