"""What goes wrong on purpose: answers of the API, and deliveries of callbacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field


class ApiFault(BaseModel):
    """One way an endpoint misbehaves, `times` calls long (null: until removed).

    With `after` the call is carried out first and only its answer goes wrong, which is how a caller
    meets an unknown outcome. Only `latency_s` set: the call is slow and otherwise right.
    """

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="the endpoint's path, or * for every one", examples=["/cgi-bin/token"])
    times: int | None = Field(default=1, ge=1)
    latency_s: float = Field(default=0, ge=0, le=120)
    errcode: int | None = None
    errmsg: str = "injected"
    http_status: int | None = Field(default=None, ge=400, le=599)
    reset: bool = Field(default=False, description="the connection breaks in the middle of the answer")
    after: bool = False

    @property
    def breaks(self) -> bool:
        """Whether the answer goes wrong; otherwise it is only late."""
        return self.reset or self.http_status is not None or self.errcode is not None


class CallbackFaultKind(StrEnum):
    """How a callback goes wrong."""

    DROP = "drop"  # never sent
    DUPLICATE = "duplicate"  # sent again after it was answered
    CONCURRENT = "concurrent"  # the repeat comes while the first is being worked on
    LOSE_ANSWER = "lose_answer"  # worked on and answered, but the answer does not arrive: repeated
    BAD_SIGNATURE = "bad_signature"
    WRONG_APP_ID = "wrong_app_id"  # encrypted for another account, properly signed
    STALE = "stale"  # properly signed, `age_s` ago
    OVERTAKEN = "overtaken"  # held back until `copies` later messages were delivered; nothing is shown
    OVERSIZE = "oversize"  # a body of at least `size_bytes`


class CallbackFault(BaseModel):
    """One way deliveries misbehave, `times` messages long (null: until removed)."""

    model_config = ConfigDict(extra="forbid")

    kind: CallbackFaultKind
    push: str | None = Field(default=None, description="only this MsgType or Event", examples=["text"])
    times: int | None = Field(default=1, ge=1)
    copies: int = Field(default=1, ge=1, le=20, description="extra deliveries, or answers to lose")
    age_s: int = Field(default=600, ge=1)
    size_bytes: int = Field(default=70_000, ge=1, le=5_000_000)


_Fault = TypeVar("_Fault", ApiFault, CallbackFault)


@dataclass(slots=True)
class FaultBook:
    """What is still to go wrong, oldest first."""

    api: list[ApiFault] = field(default_factory=list)
    callbacks: list[CallbackFault] = field(default_factory=list)


def take_api_fault(book: FaultBook, path: str) -> ApiFault | None:
    """The fault for this call, used up by one."""
    found = next((fault for fault in book.api if fault.path in ("*", path)), None)
    if found is not None:
        _use(book.api, found)
    return found


def take_callback_fault(book: FaultBook, push: str) -> CallbackFault | None:
    """The fault for this message, used up by one."""
    found = next((fault for fault in book.callbacks if fault.push in (None, push)), None)
    if found is not None:
        _use(book.callbacks, found)
    return found


def _use(faults: list[_Fault], used: _Fault) -> None:
    if used.times is None:
        return
    used.times -= 1
    if not used.times:
        faults[:] = [fault for fault in faults if fault is not used]
