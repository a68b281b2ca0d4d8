"""What each ablation compares: changes to a base recipe, the baseline first.

One thing changes at a time; everything else is the base recipe's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vimoflow.diffusion.timesteps import ProbabilityRise
from vimoflow.errors import ConfigError
from vimoflow.training.losses import LossOptions
from vimoflow.training.recipes import RECIPES, Recipe
from vimoflow.training.schedules import TimestepShares


@dataclass(frozen=True)
class Setting:
    """One row of an ablation's table."""

    name: str
    recipe: Recipe


@dataclass(frozen=True)
class Ablation:
    """A question and the settings that answer it.

    Attributes:
        question: one line for the report.
        settings: from the base recipe; the first one is the baseline.
    """

    name: str
    question: str
    settings: Callable[[Recipe], tuple[Setting, ...]]


def _changed(recipe: Recipe, name: str, **changes: Any) -> Setting:
    return Setting(name, dataclasses.replace(recipe, **changes))


def _weighting(recipe: Recipe) -> tuple[Setting, ...]:
    capped = [f"min_snr({gamma})" for gamma in (1, 2, 5)]
    names = [
        "constant", "snr", "max_snr(1)", *capped, *(f"normalised({name})" for name in capped),
        "min_linear", "min_sqrt", "normalised(min_sqrt)", "average_linear", "average_sqrt",
        "normalised(average_sqrt)", "ratio_split(0.1)",
    ]  # fmt: skip
    return tuple(_changed(recipe, name, weighting=name) for name in names)


def _timesteps(recipe: Recipe) -> tuple[Setting, ...]:
    plain = dataclasses.replace(recipe, timesteps=TimestepShares())
    return (
        *(
            _changed(plain, f"p = {p:g}", independent_timesteps=p)
            for p in (0.0, 0.2, 0.3, 0.5, 0.7)
        ),
        _changed(plain, "p = 0.2 to 0.5", independent_timesteps=ProbabilityRise(0.2, 0.5, 0.75)),
        _changed(
            plain, "blocks 0.2", independent_timesteps=0.0, timesteps=TimestepShares(block=0.2)
        ),
    )


def _film(recipe: Recipe) -> tuple[Setting, ...]:
    model = recipe.model
    big = dataclasses.replace(model, width=2 * model.width, heads=2 * model.heads)
    return tuple(
        _changed(
            recipe, f"{size} v{version}", model=dataclasses.replace(config, film_version=version)
        )
        for size, config in (("small", model), ("big", big))
        for version in (1, 2)
    )


def _lambdas(recipe: Recipe) -> tuple[Setting, ...]:
    terms = [
        field.name
        for field in dataclasses.fields(recipe.losses)
        if getattr(recipe.losses, field.name) > 0
    ]
    return (
        Setting("all", recipe),
        *(
            _changed(recipe, f"no {term}", losses=dataclasses.replace(recipe.losses, **{term: 0.0}))
            for term in terms
        ),
        _changed(
            recipe, "simple only",
            losses=dataclasses.replace(recipe.losses, **dict.fromkeys(terms, 0.0)),
        ),
    )  # fmt: skip


def _thesis_lambdas(recipe: Recipe) -> tuple[Setting, ...]:
    """The thesis' three loss settings on the base recipe, beside the base recipe's own.

    The milestones of the evolved one are squeezed into the run: epoch 40 of 50 is at 80 % of it.
    """
    settings = [Setting("ours", recipe)]
    for name in ("thesis-final", "thesis-early", "thesis-evolved"):
        thesis = RECIPES[name]
        epoch = recipe.steps * thesis.epoch_steps / thesis.steps
        changes = {key: getattr(thesis, key) for key in _LOSS_FIELDS}
        settings.append(_changed(recipe, name, epoch_steps=max(1, round(epoch)), **changes))
    return tuple(settings)


_LOSS_FIELDS = ("losses", "loss_milestones", "loss_options")


def _projection(recipe: Recipe) -> tuple[Setting, ...]:
    def with_views(views: int) -> Setting:
        options = dataclasses.replace(recipe.loss_options, projection_views=views)
        losses = dataclasses.replace(recipe.losses, projection=recipe.losses.joints)
        return _changed(recipe, f"{views} views", loss_options=options, losses=losses)

    return (Setting("off", recipe), *(with_views(views) for views in (1, 4, 9)))


def _contacts(recipe: Recipe) -> tuple[Setting, ...]:
    return (
        Setting("supervised", recipe),
        *(
            _changed(
                recipe,
                f"unsupervised, {mask} mask",
                loss_options=LossOptions(mask, supervise_contacts=False),
                losses=dataclasses.replace(recipe.losses, contacts=0.0),
            )
            for mask in ("truth", "predicted", "learned")
        ),
    )


def _velocity(recipe: Recipe) -> tuple[Setting, ...]:
    def with_factors(name: str, velocity: float, rotation_velocity: float) -> Setting:
        losses = dataclasses.replace(
            recipe.losses, velocity=velocity, rotation_velocity=rotation_velocity
        )
        return _changed(recipe, name, losses=losses)

    # 40 makes the FK term about as large as the simple loss when training settles; the 6D term of
    # a healthy run is about 70 times the FK term.
    return (
        with_factors("fk", 40.0, 0.0),
        with_factors("6d", 0.0, 40.0 / 70),
        with_factors("6d, thesis' 0.02", 0.0, 0.02),
        with_factors("none", 0.0, 0.0),
    )


def _regression(recipe: Recipe) -> tuple[Setting, ...]:
    return (
        Setting("diffusion", recipe),
        _changed(recipe, "regression", regression=True, condition_drop=0.0, weighting="constant"),
    )


ABLATIONS: dict[str, Ablation] = {
    a.name: a
    for a in (
        Ablation("weighting", "Which loss weighting by timestep?", _weighting),
        Ablation("timesteps", "How many clips with timesteps of their own a frame?", _timesteps),
        Ablation("film", "One FiLM pair a block, or one for each sub-layer?", _film),
        Ablation("lambdas", "Which auxiliary loss does what?", _lambdas),
        Ablation("thesis-lambdas", "Do the thesis' first loss factors collapse?", _thesis_lambdas),
        Ablation(
            "projection", "Does a projection loss help, and with how many views?", _projection
        ),
        Ablation("contacts", "Are contacts learnt without supervision?", _contacts),
        Ablation("velocity", "6D differences or joint velocities?", _velocity),
        Ablation("regression", "Does diffusion beat plain regression?", _regression),
    )
}


def find_ablation(name: str) -> Ablation:
    """An ablation by name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in ABLATIONS:
        raise ConfigError(f"unknown ablation '{name}': one of {', '.join(ABLATIONS)}")
    return ABLATIONS[name]


def chosen_settings(ablation: Ablation, recipe: Recipe, only: tuple[str, ...]) -> list[Setting]:
    """The settings to run: all, or the baseline and those named.

    Raises:
        ConfigError: one of the names is none of its settings.
    """
    settings = ablation.settings(recipe)
    names = [setting.name for setting in settings]
    for name in only:
        if name not in names:
            raise ConfigError(f"'{ablation.name}' has no setting '{name}': {'; '.join(names)}")
    return [s for i, s in enumerate(settings) if not only or i == 0 or s.name in only]
