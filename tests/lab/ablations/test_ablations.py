"""What the ablations compare, and one of them run from end to end on tiny data."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lab.ablations import ablate as module
from lab.ablations import runs
from lab.ablations.ablate import AblationOptions, ablate
from lab.ablations.ablations import ABLATIONS, chosen_settings, find_ablation
from lab.ablations.report import interval
from lab.ablations.runs import RunResult
from vimoflow.data.recording import Recording
from vimoflow.data.shards import write_shard
from vimoflow.errors import ConfigError, InputError
from vimoflow.motion.clip import Motion
from vimoflow.training import starting
from vimoflow.training.recipes import RECIPES, Recipe
from vimoflow.training.state import STATE
from vimoflow.training.statistics import measure_normalization

BASE = RECIPES["small"]


def settings_of(name: str, base: Recipe = BASE) -> dict[str, Recipe]:
    return {s.name: s.recipe for s in find_ablation(name).settings(base)}


@pytest.mark.parametrize("name", ABLATIONS)
def test_settings_differ_from_each_other_by_name_and_recipe(name):
    settings = find_ablation(name).settings(BASE)
    assert len({s.name for s in settings}) == len(settings) >= 2
    recipes = [s.recipe for s in settings]
    assert all(a != b for i, a in enumerate(recipes) for b in recipes[:i])
    assert {r.batch_frames for r in recipes} == {BASE.batch_frames}
    assert {r.learning_rate for r in recipes} == {BASE.learning_rate}


def test_the_ablations_hold_what_the_thesis_varied():
    weightings = settings_of("weighting")
    for gamma in (1, 2, 5):
        assert {f"min_snr({gamma})", f"normalised(min_snr({gamma}))"} <= weightings.keys()
    assert all(name == recipe.weighting for name, recipe in weightings.items())
    timesteps = settings_of("timesteps")
    probabilities = {r.independent_timesteps for n, r in timesteps.items() if n.startswith("p = 0")}
    assert {0.0, 0.2, 0.3, 0.5, 0.7} <= probabilities
    blocks = {n for n, r in timesteps.items() if r.timesteps.block}
    assert blocks == {"blocks 0.2"}
    film = [(r.model.width, r.model.film_version) for r in settings_of("film").values()]
    assert film == [(128, 1), (128, 2), (256, 1), (256, 2)]
    for name, recipe in settings_of("lambdas").items():
        if name.startswith("no "):
            assert getattr(recipe.losses, name[3:]) == 0.0
    assert len(settings_of("lambdas")) == 7
    assert [r.loss_options.projection_views for r in settings_of("projection").values()] == [
        0, 1, 4, 9,
    ]  # fmt: skip
    assert settings_of("regression")["regression"].regression
    sixd = settings_of("velocity")["6d"].losses
    assert sixd.velocity == 0.0 and sixd.rotation_velocity > 0
    contacts = list(settings_of("contacts").values())
    assert [r.loss_options.supervise_contacts for r in contacts] == [True, False, False, False]


def test_the_thesis_epochs_are_squeezed_into_the_run():
    recipe = settings_of("thesis-lambdas", dataclasses.replace(BASE, steps=1000))["thesis-evolved"]
    assert recipe.loss_weights(0).rotation_velocity == 1.0
    assert recipe.loss_weights(800).rotation_velocity == pytest.approx(0.01)
    assert recipe.loss_weights(799).rotation_velocity > 0.01


def test_settings_can_be_chosen_and_the_baseline_stays():
    ablation = find_ablation("weighting")
    chosen = chosen_settings(ablation, BASE, ("min_snr(5)",))
    assert [s.name for s in chosen] == ["constant", "min_snr(5)"]
    for bad in (lambda: find_ablation("weather"), lambda: chosen_settings(ablation, BASE, ("x",))):
        with pytest.raises(ConfigError) as caught:
            bad()
        assert "\n" not in str(caught.value)


def test_intervals_are_students():
    # t(0.975, 2) = 4.3027: mean 2, standard deviation 1, three values.
    found = interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0 and found.half_width == pytest.approx(4.30265 / math.sqrt(3), rel=1e-4)
    assert str(interval([0.5])) == "0.500" and math.isnan(interval([1.0, math.inf]).mean)


def result(**changes) -> RunResult:
    values = dict(
        setting="a", seed=0, steps=30, seconds=1.0, curve_steps=(10, 20, 30),
        curve_x0=(1.0, 0.5, 0.7), x0=(0.5,) * 10, joints_mm=(9.0,) * 10, pa_mpjpe_mm=100.0,
        fid_k=2.0, collapsed=(10,),
    )  # fmt: skip
    return RunResult(**{**values, **changes})


def test_steps_to_a_target_and_collapse_at_the_end():
    run = result()
    assert [run.steps_to(x) for x in (1.0, 0.6, 0.5)] == [10, 20, 20]
    assert math.isinf(run.steps_to(0.1)) and not run.collapsed_at_end
    assert result(collapsed=(10, 30)).collapsed_at_end


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Little is measured before a run starts."""
    with pytest.MonkeyPatch.context() as patch:
        measure = functools.partial(measure_normalization, batches=1)
        patch.setattr(starting, "measure_normalization", measure)
        yield


def swaying(seed: int, frames: int = 30) -> Motion:
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    poses = 0.4 * np.sin(rng.uniform(1, 6, (24, 3)) * time + rng.uniform(0, 6, (24, 3)))
    trans = np.array([0.3, 0.93, -0.2]) + 0 * time[:, :, 0]
    contacts = np.ones((frames, 4), np.float32)
    return Motion(poses.astype(np.float32), trans.astype(np.float32), 30.0, contacts)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    for split in ("train", "validation"):
        clips = [Recording(f"{split}{i}", "plain", split, swaying(i)) for i in range(2)]
        write_shard(clips, folder, "CC0", "https://example.org")
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(
        "batch_frames = 48\nframes = [12]\nshares = [1.0]\n"
        "[model]\nwidth = 16\nheads = 2\nblocks = 1\nencoder_layers = 1\n"
    )
    return str(path)


@pytest.fixture(scope="module")
def finished(data, recipe, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ablation")
    options = AblationOptions(steps=10, seeds=2, recipe=recipe, clips=1)
    report = ablate("regression", data, folder, options, "python -m lab ablate regression", str)
    assert report == folder / "regression.md"
    return folder


def test_the_report_has_a_row_for_each_setting_and_a_plot(finished):
    text = (finished / "regression.md").read_text()
    assert "python -m lab ablate regression" in text and "10 steps" in text and "`tiny`" in text
    table = [line for line in text.splitlines() if line.startswith(("| diffusion", "| regression"))]
    assert len(table) == 4 and all("nan" not in line for line in table)
    first, second = ([cell.strip() for cell in line.strip("|").split("|")] for line in table[:2])
    assert first[1] == second[1] == "2" and "±" in first[2] and "(" in second[2]
    with Image.open(finished / "regression.png") as image:
        image.load()
        assert image.width > 1000
    results = [json.loads(path.read_text()) for path in (finished / "runs").glob("*/result.json")]
    assert len(results) == 4
    (kept,) = [r for r in results if r["setting"] == "regression" and r["seed"] == 1]
    assert len(set(kept["x0"])) == 1  # t tells a regression nothing
    assert kept["steps"] == 10 and math.isfinite(kept["pa_mpjpe_mm"])


def test_finished_runs_are_kept_and_missing_ones_run(finished, data, recipe, monkeypatch):
    trained = []
    whole = runs.train

    def spy(chosen, data, place, options, name):
        trained.append((place.name, options.resume))
        return whole(chosen, data, place, options, name)

    monkeypatch.setattr(runs, "train", spy)
    options = AblationOptions(steps=10, seeds=2, recipe=recipe, clips=1)
    before = (finished / "regression.md").read_text()
    ablate("regression", data, finished, options, "python -m lab ablate regression", str)
    assert trained == [] and (finished / "regression.md").read_text() == before
    (place,) = (
        path.parent
        for path in (finished / "runs").glob("*/result.json")
        if '"setting": "diffusion",\n "seed": 1,' in path.read_text()
    )
    (place / "result.json").unlink()
    assert (place / STATE).is_file()
    ablate("regression", data, finished, options, "python -m lab ablate regression", str)
    assert trained == [(place.name, True)]
    assert (finished / "regression.md").read_text() == before


def test_minutes_become_steps_by_the_base_recipes_speed(finished, data, recipe, monkeypatch):
    monkeypatch.setattr(module, "run_setting", lambda *args: pytest.fail("nothing should run"))
    speed = finished / "calibration" / "speed.json"
    speed.parent.mkdir()
    speed.write_text('{"seconds_per_step": 0.5}')
    found = runs.calibrated_steps(BASE, data, finished, 3.0, compile=False)
    assert found == 360


def test_a_torn_result_is_one_line(tmp_path):
    path = tmp_path / "result.json"
    path.write_text('{"setting": ')
    with pytest.raises(InputError, match="delete it"):
        runs.read_result(path)
    path.write_text('{"quux": 1}')
    with pytest.raises(InputError, match="delete it"):
        runs.read_result(path)


def test_the_command_passes_on_what_was_typed(data, tmp_path, monkeypatch):
    from lab.cli.ablate import ablate as command
    from vimoflow.cli.commands import command as made

    seen = []
    monkeypatch.setattr(module, "ablate", lambda *args: seen.append(args) or tmp_path / "x.md")
    app = made(command, "ablate")
    arguments = ["film", "--data", str(data), "-o", str(tmp_path), "--steps", "20", "--only", "b"]
    outcome = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0 and "x.md" in outcome.output
    name, _, _, options, command_line, _ = seen[0]
    assert name == "film" and options.steps == 20 and options.only == ("b",)
    assert command_line.startswith("vimoflow ")
