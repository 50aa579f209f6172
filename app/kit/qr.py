"""QR codes of short texts, made here: nobody else is asked to draw them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import segno


def svg(text: str, *, scale: int = 4) -> bytes:
    """A QR code as SVG without script or style, with the quiet zone of 4 modules that readers need."""
    return _drawn(text, kind="svg", scale=scale, xmldecl=False, svgns=True, border=4, light="#fff")


def png(text: str, *, scale: int = 8) -> bytes:
    """A QR code as PNG, `scale` pixels a module."""
    return _drawn(text, kind="png", scale=scale, border=4)


def _drawn(text: str, **how: Any) -> bytes:  # Any: whatever segno takes to draw
    out = BytesIO()
    segno.make(text, error="m", micro=False).save(out, **how)
    return out.getvalue()
