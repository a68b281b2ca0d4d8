"""MediaPipe's models: those that are there look, those that are not are fetched or refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vimoflow.errors import ConfigError
from vimoflow.keypoints.estimators import extract, find_estimator
from vimoflow.keypoints.mediapipe_pose import import_mediapipe, require_model
from vimoflow.notes import collected_notes
from vimoflow.pipeline.generate_options import GenerateOptions
from vimoflow.pipeline.inputs import _detector

_CLIP = ("video", "hiphop.mp4")


def _models() -> Path:
    return Path(import_mediapipe().__file__).parent / "modules" / "pose_landmark"


@pytest.fixture
def lacking(tmp_path: Path, monkeypatch) -> SimpleNamespace:
    """A MediaPipe without models, in a place where nothing can be fetched."""

    def refused(path: str) -> None:
        (tmp_path / path.partition("/")[2]).write_bytes(b"half of a mod")
        raise OSError("no network here")

    from mediapipe.python.solutions import download_utils

    monkeypatch.setattr(download_utils, "download_oss_model", refused)
    (tmp_path / "modules" / "pose_landmark").mkdir(parents=True)
    return SimpleNamespace(__file__=str(tmp_path / "__init__.py"))


@pytest.mark.parametrize("model", ["lite", "heavy"])
def test_a_model_that_cannot_be_fetched_says_where_to_put_it(lacking, capsys, model: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_model(model, lacking)
    folder = Path(lacking.__file__).parent / "modules" / "pose_landmark"
    message = str(caught.value)
    assert f"pose_landmark_{model}.tflite" in message and str(folder) in message
    assert "no network here" in message and "\n" not in message
    assert not list(folder.iterdir())  # nothing that would be taken for a model the next time
    assert capsys.readouterr().err.count("\n") == 1


def test_a_quality_without_its_model_uses_the_full_one_and_says_so(lacking, monkeypatch) -> None:
    for module in ("mediapipe_pose", "several_looks"):  # not the real one: what is there stays
        monkeypatch.setattr(f"vimoflow.keypoints.{module}.import_mediapipe", lambda: lacking)
    with collected_notes() as notes:
        assert _detector(GenerateOptions(quality="best")) == "mediapipe"
    assert len(notes) == 1 and "--quality best looks with the full model" in notes[0]
    named = GenerateOptions(quality="best", estimator="mediapipe-heavy")
    with pytest.raises(ConfigError, match="no network here"):
        find_estimator(_detector(named))()


@pytest.mark.parametrize(("name", "model"), [("-lite", "lite"), ("", "full"), ("-heavy", "heavy")])
def test_each_model_sees_the_dancer(shared_data, name: str, model: str) -> None:
    if not (_models() / f"pose_landmark_{model}.tflite").is_file():
        pytest.skip(f"pose_landmark_{model}.tflite is not where MediaPipe looks for it")
    clip = shared_data.joinpath(*_CLIP)
    found = extract(clip, find_estimator(f"mediapipe{name}")(), end=0.4)
    full = extract(clip, find_estimator("mediapipe")(), end=0.4)
    assert found.keypoints.estimator == f"mediapipe-{model}-0.10.21"
    assert (found.keypoints.points[..., 2] > 0).mean() > 0.9
    apart = np.linalg.norm((found.keypoints.points - full.keypoints.points)[..., :2], axis=-1)
    assert np.median(apart) < 15 and (model == "full") == (not apart.any())
