"""What changes while a training runs: loss factors, the PTSS probability, the answer to divergence.

Everything here follows from the step and the losses seen so far, so a resumed run goes on alike.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vimoflow.diffusion.timesteps import (
    PTSS,
    BlankTimesteps,
    BlockTimesteps,
    GapTimesteps,
    MixedTimesteps,
    ProbabilityRise,
    ScalarTimesteps,
    TimestepSampler,
)
from vimoflow.errors import ConfigError
from vimoflow.training.losses import LossWeights


@dataclass(frozen=True)
class LossMilestone:
    """Loss factors that hold from an epoch on; between two milestones they change linearly.

    Attributes:
        epoch: when they hold, in epochs of ``epoch_steps`` steps.
        losses: the factors, with the keys of ``[losses]``; those left out keep their defaults.
    """

    epoch: float
    losses: LossWeights


def loss_weights_at(
    start: LossWeights, milestones: Sequence[LossMilestone], epoch: float
) -> LossWeights:
    """The factors at an epoch (fractions allowed).

    Args:
        start: factors at epoch 0.
        milestones: by rising epoch.
        epoch: steps done divided by the steps of an epoch.
    """
    before = LossMilestone(0.0, start)
    for after in milestones:
        if epoch < after.epoch:
            share = (epoch - before.epoch) / (after.epoch - before.epoch)
            return _between(before.losses, after.losses, share)
        before = after
    return before.losses


def _between(a: LossWeights, b: LossWeights, share: float) -> LossWeights:
    return LossWeights(
        **{
            field.name: (1 - share) * getattr(a, field.name) + share * getattr(b, field.name)
            for field in dataclasses.fields(LossWeights)
        }
    )


@dataclass(frozen=True)
class DivergenceRule:
    """When a training counts as diverging, and what follows (thesis IV, PTSS).

    The thesis went back to p = 0.2 after epoch 60, with the learning rate raised from 1e-4 to
    2.5e-4, and the training was stable again.

    Attributes:
        probability: PTSS p from then on.
        rate_factor: on the learning rate from then on; once, however often the training diverges.
        tolerance: the smoothed loss may exceed its lowest value so far by this factor.
        root_scale: the predicted root's size relative to the truth's may reach this; beyond it the
            thesis saw "violations in root position scale".
        smoothing: steps over which loss and root scale are averaged (exponentially).
        patience: steps in a row that must be beyond a limit.
        settle_steps: steps after the start, or after a reset, that are not judged.
    """

    probability: float = 0.2
    rate_factor: float = 2.5
    tolerance: float = 1.3
    root_scale: float = 2.0
    smoothing: int = 100
    patience: int = 50
    settle_steps: int = 500

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1 or self.rate_factor <= 0:
            raise ConfigError("a divergence rule needs p from 0 to 1 and a positive rate_factor")
        if self.tolerance <= 1 or self.root_scale <= 1 or min(self.smoothing, self.patience) < 1:
            raise ConfigError(
                "a divergence rule needs tolerance and root_scale above 1, "
                "smoothing and patience of 1 or more"
            )


class DivergenceGuard:
    """Watches the loss of every step and resets PTSS when the training diverges.

    The trainer calls :meth:`observe` with the loss of the whole global batch after each step, draws
    timesteps with :meth:`probability` and multiplies its learning rate by :attr:`rate_factor`.
    """

    def __init__(self, rule: DivergenceRule | None) -> None:
        self.rule = rule
        self._state = _GuardState()

    @property
    def resets(self) -> tuple[int, ...]:
        """Steps at which it reset."""
        return self._state.resets

    @property
    def rate_factor(self) -> float:
        """On the scheduled learning rate."""
        return self.rule.rate_factor if self.rule is not None and self.resets else 1.0

    def probability(self, scheduled: float | ProbabilityRise) -> float | ProbabilityRise:
        """The PTSS p in force, from the recipe's."""
        return self.rule.probability if self.rule is not None and self.resets else scheduled

    def observe(self, step: int, loss: float, root_scale: float = 1.0) -> bool:
        """Take note of one step; True when it led to a reset.

        A loss that is not finite counts as beyond the limit and leaves the averages alone.
        """
        rule, state = self.rule, self._state
        if rule is None:
            return False
        if math.isfinite(loss) and math.isfinite(root_scale):
            seen = state.seen + 1
            share = max(1 / seen, 1 / rule.smoothing)  # a plain mean until there is a past
            smooth = state.loss + share * (loss - state.loss)
            scale = state.root_scale + share * (root_scale - state.root_scale)
            state = dataclasses.replace(state, seen=seen, loss=smooth, root_scale=scale)
            beyond = False
            if seen > min(rule.settle_steps, rule.smoothing):
                lowest = min(state.lowest, smooth)
                beyond = smooth > rule.tolerance * lowest or scale > rule.root_scale
                state = dataclasses.replace(state, lowest=lowest)
        else:
            beyond = True
        run = state.run + 1 if beyond else 0
        judged = step >= state.since + rule.settle_steps
        if judged and run >= rule.patience:
            self._state = _GuardState(since=step, resets=(*state.resets, step))
            return True
        self._state = dataclasses.replace(state, run=run)
        return False

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, for the checkpoint a run resumes from."""
        return dataclasses.asdict(self._state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        known = {field.name for field in dataclasses.fields(_GuardState)}
        if set(state) != known:
            raise ValueError("the state of another version of the divergence guard")
        self._state = _GuardState(**{**state, "resets": tuple(state["resets"])})


@dataclass(frozen=True)
class _GuardState:
    since: int = 0
    seen: int = 0
    loss: float = 0.0
    root_scale: float = 0.0
    lowest: float = math.inf
    run: int = 0
    resets: tuple[int, ...] = ()


@dataclass(frozen=True)
class TimestepShares:
    """How many clips take their timesteps from what; PTSS has the rest.

    Attributes:
        block: two levels that alternate.
        late: a timestep in the later half, where x_t says little and the 2D must be lifted: the
            hardest part, on which most of the error depends.
        blank: nothing known but the condition: the one-pass answer (``diffusion.reference``).
        gap: known frames around gaps of which nothing is known.

    Raises:
        ConfigError: negative, or more than 1 together.
    """

    block: float = 0.0
    late: float = 0.0
    blank: float = 0.0
    gap: float = 0.0

    def __post_init__(self) -> None:
        shares = dataclasses.astuple(self)
        if min(shares) < 0 or sum(shares) > 1:
            raise ConfigError(f"shares of timesteps are 0 or more and together exceed 1: {self}")

    def sampler(self, independent: float | ProbabilityRise, T: int) -> TimestepSampler:
        """Draws timesteps in these shares; ``independent`` is PTSS' p."""
        samplers = (
            PTSS(independent, T),
            BlockTimesteps(T=T),
            ScalarTimesteps(T, first=T // 2),
            BlankTimesteps(T),
            GapTimesteps(T=T),
        )
        shares = dataclasses.astuple(self)
        return MixedTimesteps(samplers, (1 - sum(shares), *shares))
