"""High dynamic range brought to sRGB: PQ and HLG (ITU-R BT.2100), with the wide colors of BT.2020.

Light is taken relative to reference white, 203 cd/m2 (ITU-R BT.2408). What is as bright as that or darker stays nearly
as it is, what is brighter is compressed.
"""

from __future__ import annotations

import functools

import numpy as np

PQ, HLG = 16, 18  # transfer characteristics, as numbered by ITU-T H.273
REFERENCE_WHITE = 203.0  # cd/m2
HLG_PEAK = 1000.0  # cd/m2 of the display that HLG is made for
KNEE = 0.6  # relative light above which it is compressed
BT2020_TO_BT709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
LUMINANCE = (0.2627, 0.6780, 0.0593)  # of BT.2020's primaries


def to_srgb(pixels: np.ndarray, transfer: int) -> np.ndarray:
    """Return ``[H, W, 3]`` 16-bit values of a PQ or HLG frame as sRGB bytes."""
    light = _table(transfer)[pixels]
    if transfer == HLG:
        # The system gamma acts on luminance, so it keeps the hue.
        luminance = light @ np.array(LUMINANCE, np.float32)
        light *= (np.maximum(luminance, 1e-6) ** 0.2)[..., None] * (HLG_PEAK / REFERENCE_WHITE)
    light = np.maximum(light @ np.array(BT2020_TO_BT709, np.float32).T, 0)
    peak = light.max(axis=-1, keepdims=True)
    # All three channels are scaled by what the brightest one needs, which keeps the hue, too.
    over = np.maximum(peak - KNEE, 0)
    light *= np.where(peak > KNEE, KNEE + (1 - KNEE) * over / (over + 1 - KNEE), peak) / np.maximum(peak, 1e-6)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


@functools.cache
def _table(transfer: int) -> np.ndarray:
    """Return the light of every 16-bit value: for PQ relative to reference white, for HLG the scene's, 0 to 1."""
    signal = np.linspace(0, 1, 65536)
    if transfer == PQ:
        power = signal ** (1 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return (light * 10_000 / REFERENCE_WHITE).astype(np.float32)
    high = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(signal <= 0.5, signal**2 / 3, high).astype(np.float32)
