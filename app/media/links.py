"""Links to media: good for five minutes, for one viewer, for one form of one medium of one case.

A link is no permission: who follows it must be signed in as the viewer it was made for, and the case is asked for
anew (`reading`). It keeps an address that leaks, or is handed on, from leading anywhere.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.kit.runtime import Runtime
from app.media.errors import MediaNotFound
from app.media.states import Variant

LINK_S = 300


@dataclass(frozen=True, slots=True)
class Link:
    """`until`: Unix seconds by the database's clock; `proof`: 43 characters, the HMAC-SHA256 of all of it."""

    until: int
    proof: str


def link(
    runtime: Runtime, case_id: UUID, medium_id: UUID, variant: Variant, *, viewer_id: UUID, now: datetime
) -> Link:
    """A link for this viewer; `now` is the database's clock."""
    until = int(now.timestamp()) + LINK_S
    return Link(until, _proof(runtime, case_id, medium_id, variant, viewer_id, until))


def must_hold(
    runtime: Runtime, given: Link, case_id: UUID, medium_id: UUID, variant: Variant, *, viewer_id: UUID, now: datetime
) -> None:  # fmt: skip
    """Raises: MediaNotFound: over, altered, of another form or medium, or another viewer's."""
    proof = _proof(runtime, case_id, medium_id, variant, viewer_id, given.until)
    if not hmac.compare_digest(proof.encode(), given.proof.encode()) or now.timestamp() >= given.until:
        raise MediaNotFound(case_id=str(case_id))


def _proof(
    runtime: Runtime, case_id: UUID, medium_id: UUID, variant: Variant, viewer_id: UUID, until: int
) -> str:
    said = f"{case_id}|{medium_id}|{variant}|{viewer_id}|{until}".encode()
    digest = hmac.digest(runtime.keys.purpose("media links"), said, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
