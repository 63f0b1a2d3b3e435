"""Colours of pictures and pages, light and dark, by what they stand for. Knows no picture.

The kinds differ in lightness as well as in hue, so that they stay apart for those who see fewer colours, and in grey print.
"""

from __future__ import annotations

from collections.abc import Mapping

Palette = Mapping[str, str]

LIGHT: Palette = {
    "paper": "#ffffff",
    "panel": "#f5f7f9",
    "line": "#e1e6eb",
    "ink": "#1b2430",
    "muted": "#5c6876",
    "accent": "#17705f",
    # Kinds of work.
    "compute": "#e8a33d",
    "io": "#2f6db3",
    "sleep": "#aebbc8",
    "poll": "#1b2430",
    "late": "#c2246b",
    # What threads and tasks did, and waited for.
    "native": "#8a5a0b",
    "cpu": "#f2cf9a",
    "polling": "#8db8e2",
    "lock": "#a48ddb",
    "gil": "#7d0f45",
    "core": "#df93b7",
    "loop": "#c2246b",
    "task": "#d3dbe2",
    "job": "#4d9f8b",
    "other": "#76828f",
    "gc": "#a3a36b",
    "slice": "#d5e6e2",
    "slice-ink": "#12433a",
    # How bad a finding is.
    "error": "#b3261e",
    "warning": "#9a6200",
    "info": "#2f6db3",
}
DARK: Palette = {
    "paper": "#10161d",
    "panel": "#18202a",
    "line": "#2a3541",
    "ink": "#e7ecf2",
    "muted": "#98a5b3",
    "accent": "#4fc3ab",
    "compute": "#e9a94b",
    "io": "#4a8fd6",
    "sleep": "#4d5b6a",
    "poll": "#f2f5f8",
    "late": "#f06ba8",
    "native": "#b97b1c",
    "cpu": "#f6d9ae",
    "polling": "#2b5680",
    "lock": "#b7a3e6",
    "gil": "#ff9cc8",
    "core": "#7a2a50",
    "loop": "#e0559a",
    "task": "#364350",
    "job": "#2f8a76",
    "other": "#8291a0",
    "gc": "#7d7d4c",
    "slice": "#1f4a44",
    "slice-ink": "#d2efe8",
    "error": "#ff8a80",
    "warning": "#f0b95a",
    "info": "#7db4ee",
}
FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', 'Liberation Sans', "
    "'DejaVu Sans', sans-serif"
)
