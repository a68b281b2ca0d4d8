"""Figure 6: its areas, and files that other programs can read."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from lab.figures.drawing import write_snr_figure
from vimoflow.errors import OutputError

# The caption of Figure 6 and its legend, in per cent.
AREAS = {
    "min_cap(1)": 35.520,
    "min_linear": 31.789,
    "min_sqrt": 33.672,
    "average_sqrt": 51.092,
    "linear_decay": 50.000,
    "sqrt_decay": 66.664,
    "average_decay": 58.332,
    "noise": 80.539,
    "signal": 39.040,
    "normalised(min_linear)": 99.843,
}


@pytest.fixture(scope="module")
def figure_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "new"
    write_snr_figure(folder)
    return folder


def test_areas_are_those_of_the_thesis(figure_folder: Path) -> None:
    areas = json.loads((figure_folder / "snr.json").read_text())
    assert {name: round(areas[name], 3) for name in AREAS} == AREAS


def test_pictures_open_and_nothing_else_is_left(figure_folder: Path) -> None:
    assert {path.name for path in figure_folder.iterdir()} == {"snr.png", "snr.svg", "snr.json"}
    with Image.open(figure_folder / "snr.png") as image:
        image.load()
        assert image.width >= 1200 and len(image.convert("RGB").getcolors(1 << 20) or []) > 20
    assert ElementTree.parse(figure_folder / "snr.svg").getroot().tag.endswith("svg")


def test_the_same_figure_is_the_same_file(figure_folder: Path, tmp_path: Path) -> None:
    write_snr_figure(tmp_path)
    for name in ("snr.png", "snr.svg", "snr.json"):
        assert (tmp_path / name).read_bytes() == (figure_folder / name).read_bytes()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_snr_figure(tmp_path / "file" / "figures")
    assert "\n" not in str(caught.value)
