"""Small synthetic shards to train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimoflow.data.recording import Recording
from vimoflow.data.shards import write_shard
from vimoflow.motion.clip import Motion


def swaying(frames: int, seed: int) -> Motion:
    """A standing figure whose joints swing smoothly."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    phase = rng.uniform(0, 6, (24, 3))
    poses = 0.3 * np.sin(rng.uniform(1, 6, (24, 3)) * time + phase)
    trans = np.array([0.3, 0.93, -0.2]) + 0.05 * np.sin(time[:, :, 0] + phase[0])
    contacts = (np.sin(3 * time[:, :, 0] + phase[:4, 0]) > 0).astype(np.float32)
    return Motion(poses.astype(np.float32), trans.astype(np.float32), 30.0, contacts)


@pytest.fixture(scope="session")
def shards(tmp_path_factory) -> Path:
    """Two corpora, one of them under terms that bar commercial use."""
    folder = tmp_path_factory.mktemp("shards")
    for corpus, licence in (("open", "CC BY 4.0"), ("closed", "CC BY-NC 4.0")):
        recordings = [Recording(f"{corpus}{i}", corpus, "train", swaying(50, i)) for i in (0, 1)]
        write_shard(recordings, folder, licence, f"https://example.org/{corpus}")
    return folder
