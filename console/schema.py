"""What every resource's schemas share: strictness, clean text, places, cursors."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.kit.errors import Invalid
from app.kit.geo import Point

EPOCH_MAX = 2**31 - 1
ID_MAX = 2**63 - 1
REASON_MAX = 100
NOTE_MAX = 2000
PAGE_MAX = 100
PAGE_DEFAULT = 50
CURSOR_MAX = 300

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


class In(BaseModel):
    """A request: an unknown field is refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:  # JSON of any shape
        """PostgreSQL stores neither NUL nor half a character, and no reader wants control characters."""
        if not _clean(given):
            raise ValueError("text must not hold control characters")
        return given


class Out(BaseModel):
    """A response: exactly its fields, no more than its reader needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _clean(value: Any) -> bool:  # JSON of any shape
    """Without recursion: JSON may be nested deeper than Python's stack."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str) and _CONTROL.search(part):
            return False
        if isinstance(part, dict):
            left.extend((*part.keys(), *part.values()))
        elif isinstance(part, list):
            left.extend(part)
    return True


def text_of(longest: int, shortest: int = 1) -> Any:  # a type of `str` for a schema
    """Text of `shortest` to `longest` characters, white space at its ends taken off."""
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest)


Reason = Annotated[str, text_of(REASON_MAX), Field(examples=["辖区不符"])]
Epoch = Annotated[
    int,
    Field(
        ge=0,
        le=EPOCH_MAX,
        description="The fencing token of the case as you know it; a stale one gets 409",
        examples=[1],
    ),
]
Totp = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="The six digits now", examples=["492039"])]
Cursor = Annotated[
    str | None,
    Query(max_length=CURSOR_MAX, description="`next` of the page before; left out: the first page"),
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Most items of a page")]


class PointOut(Out):
    """WGS-84 degrees."""

    lat: float = Field(examples=[32.0621])
    lng: float = Field(examples=[118.8152])

    @classmethod
    def of(cls, at: Point | None) -> PointOut | None:
        """A point of the core."""
        return cls(lat=at.lat, lng=at.lng) if at else None


class Cursors:
    """Cursors of one list: opaque to clients, checked when they come back."""

    def __init__(self, *kinds: type) -> None:
        self._kinds = kinds

    def of(self, *parts: object) -> str:
        """A cursor after the item that these parts name."""
        plain = [part.isoformat() if isinstance(part, datetime) else part for part in parts]
        return base64.urlsafe_b64encode(json.dumps(plain, default=str).encode()).decode().rstrip("=")

    def parts(self, cursor: str | None) -> list[Any] | None:  # of the kinds that were named
        """What a cursor holds; None for the first page.

        Raises:
            Invalid: not one of this list's.
        """
        if cursor is None:
            return None
        try:
            parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if not isinstance(parts, list) or len(parts) != len(self._kinds):
                raise ValueError
            return [self._read(kind, part) for kind, part in zip(self._kinds, parts, strict=True)]
        except (ValueError, binascii.Error, TypeError, AttributeError, RecursionError) as error:
            raise Invalid(
                "cursor is not one that this list gave: start from its first page", field="cursor"
            ) from error

    @staticmethod
    def _read(kind: type, part: Any) -> Any:  # JSON
        if kind is datetime:
            at = datetime.fromisoformat(part)
            # At the ends of the calendar a time with an offset has no UTC, and PostgreSQL is never asked.
            if at.tzinfo is None or not 2000 <= at.year <= 2100:
                raise ValueError
            return at
        if kind is UUID:
            return UUID(part)
        if type(part) is not kind or (isinstance(part, str) and not _clean(part)):
            raise ValueError
        if isinstance(part, int) and not 0 <= part <= ID_MAX:
            raise ValueError
        return part
