"""Pictures of codes. WeChat draws its own kinds; here every code is a QR code that any reader can read."""

from __future__ import annotations

from io import BytesIO

import segno


def png(words: str, *, scale: int = 8) -> bytes:
    """A PNG with a quiet zone of 4 modules; `scale` is the side of a module in pixels."""
    out = BytesIO()
    segno.make(words, error="m", micro=False).save(out, kind="png", scale=scale, border=4)
    return out.getvalue()
