"""What is loaded, and when: a slow package that nobody asked for is a slow start."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SLOW = ("torch", "torch._dynamo", "roma", "scipy.interpolate", "scipy.optimize", "matplotlib")
_KEYPOINTS = "import vimoflow.pipeline.inputs, vimoflow.keypoints.estimators, vimoflow.video"
_GENERATE = "import vimoflow.pipeline.generation, vimoflow.pipeline.animation"
_FIRST_STEPS = """
import numpy as np
from vimoflow.keypoints.mediapipe_pose import PoseGraph
from vimoflow.motion.clip import Motion
from vimoflow.viewer.mannequin import MannequinRenderer, View
PoseGraph()
still = Motion(np.zeros((2, 24, 3)), np.zeros((2, 3)), 30.0, np.zeros((2, 4)))
MannequinRenderer(View(64, 64)).draw(
    still.local_rotations[0], still.joint_positions[0], np.zeros(2)
)
"""


def _loaded(code: str) -> set[str]:
    """Which of the slow packages a fresh interpreter has after running ``code``."""
    ask = f"{code}\nimport sys\nprint(*[name for name in {_SLOW!r} if name in sys.modules])"
    command = [sys.executable, "-c", ask]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


_HELP = """
import contextlib, sys
from vimoflow.cli.main import main
sys.argv = ["vimoflow", *{words}]
with contextlib.redirect_stdout(None), contextlib.suppress(SystemExit):
    main()
"""
_WHOLE_RUN = """
import contextlib, os, sys, threading
from vimoflow.cli.main import main
class Watch:
    def find_spec(self, name, path=None, target=None):
        waits = threading.current_thread() is threading.main_thread()
        assert name != "torch" or not waits, "the user waits for PyTorch"
sys.meta_path.insert(0, Watch())
sys.argv = ["vimoflow", "generate", os.environ["CLIP"], "-o", os.environ["OUT"], "--end", "0.5"]
with contextlib.redirect_stdout(None), contextlib.suppress(SystemExit):
    main()
assert os.path.isfile(os.path.join(os.environ["OUT"], "preview.mp4"))
"""


def test_nothing_slow_is_imported_in_a_whole_run(shared_data, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CLIP", str(shared_data / "video" / "hiphop.mp4"))
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    assert _loaded(_WHOLE_RUN) == {"torch"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (_HELP.format(words=["--help"]), set()),
        (_HELP.format(words=["generate", "--help"]), set()),
        (_KEYPOINTS, set()),
        ("import vimoflow.pipeline.generation", set()),
        (_GENERATE, {"torch"}),
        (_FIRST_STEPS, {"torch"}),
    ],
    ids=["help", "help of generate", "keypoints", "orchestration", "generate", "first steps"],
)
def test_nothing_slow_is_imported_on_the_way(code: str, expected: set[str]) -> None:
    assert _loaded(code) <= expected
