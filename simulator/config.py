"""What a simulator is set up with: two accounts, one callback address, a pace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """How callbacks travel: in the clear, or encrypted and signed twice."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"  # both in one
    SECURE = "secure"


class Form(StrEnum):
    """What an account asked its callbacks to be written in; the Official Account has no choice."""

    XML = "xml"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where the callbacks of one account go, and how they travel."""

    url: str
    app_id: str
    original_id: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    mode: Mode
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Two accounts under one owner, and where the callbacks of the Official Account go.

    `centre` is WGS-84 (lat, lng) degrees. `sketch_map` is a path or an http(s) address of a GeoJSON in
    WGS-84 that the chat page draws. `templates` names the keys of each subscription template of the
    mini-program, `official_templates` those of the account; empty accepts any. `mp_pages` are the
    pages that the mini-program has released; empty accepts any. Without `mp_callback_url` the mini-program's events are not
    pushed. `deliveries` is how often a message is sent until it is answered. `callback_pace_s` is the time
    from one delivery to the next, `finish_after_s` from a template message to the event of its end.

    Raises:
        ValueError: a token, key, address or pace of the wrong form; says which and gives an example.
    """

    app_id: str
    app_secret: str = field(repr=False)
    mp_app_id: str
    mp_app_secret: str = field(repr=False)
    callback_url: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    original_id: str = "gh_0123456789ab"
    mp_original_id: str = "gh_ba9876543210"
    mode: Mode = Mode.SECURE
    account_name: str = "演示公众号"
    public_url: str = "http://localhost:8001"
    callback_timeout_s: float = 5.0
    callback_pace_s: float = 5.0
    deliveries: int = 3
    mp_callback_url: str | None = None
    mp_form: Form = Form.JSON
    sketch_map: str | None = None
    centre: tuple[float, float] = (32.0603, 118.7969)
    templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    official_templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mp_pages: frozenset[str] = frozenset()
    finish_after_s: float = 0.0

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9A-Za-z_]{3,32}", self.token, re.ASCII):
            raise ValueError("the callback token must be 3 to 32 letters or digits, like 'demo_token'")
        if not re.fullmatch("[0-9A-Za-z+/]{43}", self.aes_key, re.ASCII):
            raise ValueError("the AES key must be exactly 43 letters or digits, without a trailing '='")
        for name, url in (("callback_url", self.callback_url), ("public_url", self.public_url)):
            if not re.match("https?://[^/]", url):
                raise ValueError(f"{name} must begin with http:// or https://, not {url!r}")
        if self.app_id == self.mp_app_id or not (self.app_id and self.mp_app_id):
            raise ValueError("app_id and mp_app_id must be two different ids, like 'wx1234567890abcdef'")
        if self.callback_timeout_s <= 0 or self.callback_pace_s < 0:
            raise ValueError("callback_timeout_s must be above 0 and callback_pace_s not below 0")

    @property
    def inbox(self) -> Inbox:
        """The Official Account's."""
        parts = (self.callback_url, self.app_id, self.original_id, self.token, self.aes_key)
        return Inbox(*parts, self.mode, Form.XML)

    @property
    def mp_inbox(self) -> Inbox | None:
        """The mini-program's, with the same token and key; None: it has no address."""
        if self.mp_callback_url is None:
            return None
        parts = (self.mp_callback_url, self.mp_app_id, self.mp_original_id, self.token, self.aes_key)
        return Inbox(*parts, self.mode, self.mp_form)
