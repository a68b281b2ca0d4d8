"""The measurements of a whole machine, with small settings; how fast it is is not tested."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from lab.cli.bench_machine import idle
from lab.speed.idle import first_line_s, lengthened
from vimoflow.errors import VimoflowError
from vimoflow.keypoints.cuts import _PictureChange
from vimoflow.video import frames, open_video


def test_a_clip_of_any_length_without_a_cut(shared_data, tmp_path: Path) -> None:
    clip = shared_data / "video" / "hiphop.mp4"
    longer = lengthened(clip, tmp_path / "longer.mp4", 8.0, fps=25.0, every=2, shrink=4)
    info = open_video(longer)
    assert info.size == (320, 180) and info.frame_count == 200 and info.fps == 25
    change = _PictureChange()
    assert max(change(frame) for frame in frames(longer)) < 10


def test_the_first_line_is_waited_for() -> None:
    said = "import sys, time; time.sleep(0.3); print('x', file=sys.stderr, flush=True); 1 / 0"
    assert 0.3 < first_line_s([sys.executable, "-c", said]) < 10
    with pytest.raises(VimoflowError, match="without a word"):
        first_line_s([sys.executable, "-c", ""])


@pytest.mark.slow
def test_everything_is_measured_and_written(shared_data, tmp_path: Path, capsys) -> None:
    target = tmp_path / "machine.json"
    clip = shared_data / "video" / "hiphop.mp4"
    idle(clip, output=target, repeats=1, short=2.0, long=3.0)
    document = json.loads(target.read_text())
    assert len(document["runs"]) == 6 and len(document["figures"]) == 12
    assert all(np.isfinite(one["measured"]) for one in document["figures"])
    assert target.with_suffix(".md").read_text().strip() in capsys.readouterr().out
