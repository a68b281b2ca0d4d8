"""High dynamic range pictures as ordinary ones: what detectors were trained on.

Phones record HLG, cameras and films PQ, both in BT.2020's wide colours (ITU-R BT.2100-2, tables 4
and 5). Shown undecoded they are pale and grey. Here the light is computed, graphics white
(ITU-R BT.2408, 203 cd/m2) becomes white, what is brighter is compressed into the last fifth, the
colours are turned into BT.709's, and its gamma is applied.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float, UInt8, UInt16

PQ, HLG = 16, 18  # codes of the transfer functions (ITU-T H.273, table 3)
_WIDE_COLOURS = 9  # BT.2020 (ITU-T H.273, table 2)
_PQ_WHITE = 203.0 / 10_000.0  # graphics white, of PQ's peak
_HLG_WHITE = 0.265  # scene light of 75 % HLG, graphics white
_KNEE = 0.8  # of white: darker light stays as it is
# BT.2087-0, equation for BT.2020 to BT.709 linear light.
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
_STEPS = 4096  # of linear light, when it is turned into 8 bits


def is_high_dynamic_range(transfer: int) -> bool:
    """Whether a transfer function's code is that of HLG or PQ."""
    return transfer in (PQ, HLG)


def standard_range(
    rgb: UInt16[np.ndarray, "height width 3"], transfer: int, primaries: int = _WIDE_COLOURS
) -> UInt8[np.ndarray, "height width 3"]:
    """A 16-bit picture in HLG or PQ as an 8-bit one in BT.709.

    Args:
        rgb: full range.
        transfer: ``PQ`` or ``HLG``.
        primaries: of the colours (ITU-T H.273); anything but BT.2020's is left as it is.
    """
    light = _light(transfer)[rgb]
    if primaries == _WIDE_COLOURS:
        light = light @ _TO_709.T
    index = np.sqrt(np.clip(light, 0.0, _brightest())) * ((_STEPS - 1) / np.sqrt(_brightest()))
    return _eight_bits()[index.astype(np.uint16)]


@functools.cache
def _light(transfer: int) -> Float[np.ndarray, "65536"]:
    """Linear light of every code, in units of white."""
    signal = np.arange(65536) / 65535.0
    if transfer == PQ:
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        power = signal ** (1 / m2)
        light = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) / _PQ_WHITE
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        light = light / _HLG_WHITE
    return light.astype(np.float32)


def _brightest() -> float:
    """Light that is as good as the brightest there is, in units of white."""
    return 8.0


@functools.cache
def _eight_bits() -> UInt8[np.ndarray, " steps"]:
    """8-bit BT.709 codes of linear light, whose square root is the index."""
    light = np.linspace(0.0, 1.0, _STEPS) ** 2 * _brightest()
    room = 1 - _KNEE
    above = _KNEE + room * (1 - np.exp(-(light - _KNEE) / room))
    light = np.where(light <= _KNEE, light, above)
    code = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)
    return np.round(255 * np.clip(code, 0, 1)).astype(np.uint8)
