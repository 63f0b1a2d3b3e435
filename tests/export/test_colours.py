"""Colours as those see them who see fewer. Knows the palettes, and no picture."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tracekit.export._colours import DARK, LIGHT, Palette

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
SIGHTS = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
KINDS = ("compute", "io", "sleep", "poll", "late")
APART = 20  # in CIELAB; a just noticeable difference is about 2


def linear(colour: str) -> np.ndarray:
    """The light of each channel, 0 to 1."""
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.clip(to_xyz @ np.clip(light, 0, 1), 1e-6, None) / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    """As WCAG counts it."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    dark, bright = sorted((float(weights @ linear(one)), float(weights @ linear(other))))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_kinds_stay_apart(palette: Palette, sight: str) -> None:
    """Whoever lacks one kind of cone still tells any two kinds of work apart, and each of them from the panel."""
    seen = {name: lab(np.asarray(SIGHTS[sight]) @ linear(palette[name])) for name in (*KINDS, "panel")}
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= APART, (one, other)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_legible(palette: Palette) -> None:
    """Words have the contrast that small text needs."""
    for ink in ("ink", "muted", "accent", "error", "warning", "info"):
        for paper in ("paper", "panel"):
            assert contrast(palette[ink], palette[paper]) >= 4.5, (ink, paper)
    assert contrast(palette["slice-ink"], palette["slice"]) >= 4.5


def test_palettes_have_the_same_names() -> None:
    """No colour is light or dark only."""
    assert LIGHT.keys() == DARK.keys()
