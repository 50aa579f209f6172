"""QR codes of short texts, made here: nobody else is asked to draw them."""

from __future__ import annotations

from io import BytesIO

import segno


def svg(text: str, *, scale: int = 4) -> bytes:
    """A QR code as SVG without script or style, with the quiet zone of 4 modules that readers need."""
    out = BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(out, kind="svg", scale=scale, xmldecl=False, svgns=True, border=4, light="#fff")
    return out.getvalue()


def png(text: str, *, scale: int = 10) -> bytes:
    """The same as PNG, for print: `scale` pixels a module."""
    out = BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="png", scale=scale, border=4)
    return out.getvalue()
