"""An ablation from its name to its report; can be stopped and started again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.ablations.ablations import chosen_settings, find_ablation
from lab.ablations.report import Comparison, write_report
from lab.ablations.runs import Budget, RunResult, calibrated_steps, run_setting
from vimoflow.training.recipes import find_recipe, recipe_name

_CURVE_POINTS = 12
_COMPILE_FROM = 400  # steps; below, compiling takes longer than it saves


@dataclass(frozen=True)
class AblationOptions:
    """How much work an ablation is.

    Attributes:
        steps: of each run; or ``minutes``, turned into steps by the base recipe's speed here.
        seeds: runs of each setting, with seeds 0, 1, ...
        recipe: name or file of the base recipe.
        only: settings to run besides the baseline; all if empty.
        clips: see ``Budget``.
    """

    steps: int | None = None
    minutes: float = 5.0
    seeds: int = 3
    recipe: str = "small"
    only: tuple[str, ...] = ()
    clips: int = 2


def ablate(
    name: str,
    data: Path,
    output: Path,
    options: AblationOptions,
    command: str,
    say: Callable[[str], None] = print,
) -> Path:
    """Run what is not yet there, seed by seed, and write the report after each round of seeds.

    Args:
        name: of the ablation.
        data: folder of shards.
        output: folder for runs and report.
        options: how much.
        command: what the user typed, for the report.
        say: progress.
    """
    ablation, base = find_ablation(name), find_recipe(options.recipe)
    chosen_settings(ablation, base, options.only)  # names are checked before anything slow
    steps = options.steps
    if steps is None:
        compile = 60 * options.minutes >= _COMPILE_FROM  # a step takes a second or less
        steps = calibrated_steps(base, data, output, options.minutes, compile)
    budget = Budget(
        steps=steps,
        held_out_every=max(1, steps // _CURVE_POINTS),
        clips=options.clips,
        compile=steps >= _COMPILE_FROM,
    )
    base = dataclasses.replace(
        base, steps=steps, warmup_steps=min(base.warmup_steps, max(1, steps // 10))
    )
    settings = chosen_settings(ablation, base, options.only)
    say(f"{name}: {len(settings)} settings, {options.seeds} seeds, {steps} steps a run")
    done: dict[str, list[RunResult]] = {setting.name: [] for setting in settings}
    report = output / f"{name}.md"
    for seed in range(options.seeds):
        for setting in settings:
            result = run_setting(setting, seed, data, output, budget)
            done[setting.name].append(result)
            say(
                f"{setting.name}, seed {seed}: x0 error {result.final_x0:.4f}, "
                f"PA-MPJPE {result.pa_mpjpe_mm:.1f} mm, {result.seconds / 60:.1f} minutes"
            )
        rows = tuple(tuple(done[setting.name]) for setting in settings)
        comparison = Comparison(ablation, recipe_name(options.recipe), budget, command, rows)
        report = write_report(comparison, output)
    return report
