"""How likely the detections of one sequence are under noise that was fitted to others.

The model of one error (conditioning/corruption.py), marginalised over time: a constant offset of
the clip plus a normal error whose size varies log-normally, both isotropic in the image. Hidden
points have their own size and spread.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from lab.fitting.detector_observations import Observation
from vimoflow.inference.conditioning.detector_noise import DetectorNoise
from vimoflow.inference.conditioning.occlusion import HIDDEN, SEEN

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
_LARGEST_M = 0.3  # farther away it is a swap or another person, which the model counts apart


def log_likelihood(observation: Observation, noise: DetectorNoise) -> float:
    """Mean log density (nats a point, per square metre at the person's distance).

    Of the shoulders to ankles of trusted views that are clearly seen or clearly hidden; half-hidden
    points, missing ones and gross errors (swaps) are left out for every model alike.
    """
    error = observation.error_m[observation.trusted][:, :, 5:]
    hidden = observation.hidden[observation.trusted][:, :, 5:]
    stated = observation.confidence[observation.trusted][:, :, 5:] > 0
    near = np.linalg.norm(error, axis=-1) < _LARGEST_M
    sigma = np.hypot(noise.drift_m, noise.white_m)[5:]
    total = count = 0.0
    for mask, gain, tail in (
        (hidden < SEEN, np.zeros(12), noise.tail[5:]),
        (hidden > HIDDEN, noise.hidden_gain[5:], noise.hidden_tail[5:]),
    ):
        scale = np.log(sigma) + gain
        variance = np.exp(2 * (scale[:, None] + tail[:, None] * _NODES))  # points nodes
        variance = variance + noise.bias_std_m[5:, None] ** 2
        square = ((error - noise.bias_mean_m[5:]) ** 2).sum(-1)[..., None]
        log_density = -np.log(2 * np.pi * variance) - square / (2 * variance)
        density = logsumexp(log_density, b=_WEIGHTS / _WEIGHTS.sum(), axis=-1)
        used = mask & stated & near
        total += float(density[used].sum())
        count += float(used.sum())
    return total / count
