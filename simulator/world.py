"""All there is: two accounts, the people who use them, the files, what goes wrong, what happened."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx

from simulator.belongings import Scene, Tag, Template, Ticket
from simulator.chat import Chat
from simulator.clock import Clock
from simulator.config import SimulatorConfig
from simulator.faults import FaultBook
from simulator.files import Files
from simulator.journal import Journal
from simulator.pockets import Pockets
from simulator.quotas import Quotas
from simulator.tokens import Family
from simulator.windows import Windows

CODE_LIFETIME_S = 300.0


class Kind(StrEnum):
    """What an account is."""

    OFFICIAL = "official_account"
    MINI_PROGRAM = "mini_program"


@dataclass(slots=True)
class Account:
    """One account, with tokens, openids, quotas and templates of its own."""

    kind: Kind
    app_id: str
    secret: str = field(repr=False)
    original_id: str = ""
    classic: Family = field(default_factory=Family, repr=False)
    stable: Family = field(default_factory=Family, repr=False)
    menu: dict[str, Any] | None = None  # Any: as it was created, JSON
    conditional_menus: dict[int, dict[str, Any]] = field(default_factory=dict)  # by menuid, oldest first
    may_not_notify: bool = False  # the platform took the capability away
    addresses_closed: bool = False  # our address is not on the list: 40164
    paid_numbers: int = 0  # phone numbers that were told, each for money
    last_menu_id: int = 0
    quotas: Quotas = field(default_factory=Quotas, repr=False)
    templates: dict[str, Template] = field(default_factory=dict)  # empty: any is taken
    tags: dict[int, Tag] = field(default_factory=dict)
    last_tag_id: int = 99  # WeChat keeps the low ones for itself
    tickets: dict[str, Ticket] = field(default_factory=dict, repr=False)  # by type
    scenes: dict[str, Scene] = field(default_factory=dict, repr=False)  # by ticket
    client_msg_ids: dict[str, tuple[float, int]] = field(default_factory=dict, repr=False)  # when, msgid

    @property
    def families(self) -> tuple[Family, Family]:
        """Both token families."""
        return self.classic, self.stable


@dataclass(slots=True)
class Grants:
    """What a person allowed one template to send: so many once each, or for good."""

    once: int = 0
    long_term: bool = False


@dataclass(slots=True)
class User:
    """A person with a phone: one openid per account, joined by a unionid (None: accounts not joined)."""

    id: str
    name: str
    openids: dict[str, str] = field(repr=False)  # by app id
    unionid: str | None = field(repr=False)
    following: bool
    language: str = "zh_CN"
    subscribed_at: float = 0.0
    came_by: str = "ADD_SCENE_SEARCH"
    came_with: str = ""  # the scene of the code that was scanned
    template_failure: str | None = None  # why template messages do not arrive, as the event says it
    sends_under_way: int = 0
    phone: str = "13800000000"
    risk: int = 0  # what getuserriskrank says, 0 to 4
    risky_sign_in: bool = False  # 40226
    refuses_messages: bool = False  # 48002
    snapshot: bool = False  # opens web pages under a virtual identity
    chat: Chat = field(default_factory=Chat, repr=False)
    windows: dict[str, Windows] = field(default_factory=dict, repr=False)  # by app id
    grants: dict[str, Grants] = field(default_factory=dict, repr=False)  # by template id
    sign_ins: list[float] = field(default_factory=list, repr=False)

    def windows_of(self, account: Account) -> Windows:
        """The windows for messages of this account."""
        return self.windows.setdefault(account.app_id, Windows())


@dataclass(slots=True)
class Code:
    """A code of `wx.login`: good once, for 5 minutes."""

    user: User
    ends_at: float
    used: bool = False


@dataclass(slots=True)
class WebCode:
    """A code that a web page got: good once, for 5 minutes."""

    user: User
    ends_at: float
    scope: str
    used: bool = False


@dataclass(frozen=True, slots=True)
class WebToken:
    """What a web page may ask with; `kind` is access or refresh."""

    user: User
    scope: str
    kind: str
    ends_at: float


@dataclass(slots=True)
class World:
    """The state of one simulator. Functions beside it change it; one event loop owns it."""

    config: SimulatorConfig
    callbacks: httpx.AsyncClient = field(repr=False)
    clock: Clock = field(default_factory=Clock)
    faults: FaultBook = field(default_factory=FaultBook)
    journal: Journal = field(default_factory=Journal)
    files: Files = field(default_factory=Files)
    accounts: dict[str, Account] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    by_openid: dict[str, User] = field(default_factory=dict, repr=False)
    held: list[tuple[int, Coroutine[Any, Any, None]]] = field(default_factory=list, repr=False)  # overtaken
    later: set[asyncio.Task[Any]] = field(default_factory=set, repr=False)  # what is still to be pushed
    codes: dict[str, Code] = field(default_factory=dict)
    phone_codes: dict[str, Code] = field(default_factory=dict, repr=False)
    web_codes: dict[str, WebCode] = field(default_factory=dict, repr=False)
    web_tokens: dict[str, WebToken] = field(default_factory=dict, repr=False)
    paths: set[str] = field(default_factory=set, repr=False)  # of the API
    refusals: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)  # by rid, JSON
    last_msg_id: int = 0
    pockets: Pockets = field(default_factory=Pockets, repr=False)

    @property
    def official(self) -> Account:
        """The Official Account."""
        return self.accounts[self.config.app_id]

    @property
    def mini_program(self) -> Account:
        """The mini-program."""
        return self.accounts[self.config.mp_app_id]


def new_world(config: SimulatorConfig, callbacks: httpx.AsyncClient) -> World:
    """A world with its two accounts and nobody in it."""
    world = World(config, callbacks)
    reset(world)
    return world


def reset(world: World) -> None:
    """Forget people, tokens, files, faults, what happened and the advanced clock; message ids go on."""
    c = world.config
    world.clock.ahead_s = 0.0
    world.faults, world.journal, world.files = FaultBook(), Journal(), Files()
    world.pockets = Pockets()
    world.users, world.by_openid, world.codes, world.refusals = {}, {}, {}, {}
    world.phone_codes, world.web_codes, world.web_tokens = {}, {}, {}
    stop(world)
    world.accounts = {
        c.app_id: Account(Kind.OFFICIAL, c.app_id, c.app_secret, c.original_id),
        c.mp_app_id: Account(Kind.MINI_PROGRAM, c.mp_app_id, c.mp_app_secret, c.mp_original_id),
    }
    for template_id, keys in c.templates.items():
        add_template(world.mini_program, template_id, keys=dict.fromkeys(keys, ""))
    for template_id, keys in c.official_templates.items():
        add_template(world.official, template_id, keys=dict.fromkeys(keys, ""))


def stop(world: World) -> None:
    """Push nothing any more by itself."""
    for task in world.later:
        task.cancel()
    for _, release in world.held:
        release.close()
    world.held = []


def add_template(account: Account, template_id: str, *, keys: dict[str, str], title: str = "") -> Template:
    """A form of notice of this account; from the first one on, no other is taken."""
    template = Template(template_id, title or template_id, {key: name or key for key, name in keys.items()})
    account.templates[template_id] = template
    return template


def add_user(
    world: World,
    *,
    user_id: str | None = None,
    name: str = "",
    following: bool = True,
    joined: bool = True,
    language: str = "zh_CN",
) -> User:
    """A new person. The same id always gets the same openids; without one it is random.

    Raises:
        ValueError: the id is taken.
    """
    user_id = user_id or f"u{secrets.token_hex(6)}"
    if user_id in world.users:
        raise ValueError(f"there is already a user {user_id!r}; choose another id or none")
    openids = {app_id: _openid(user_id, app_id) for app_id in world.accounts}
    unionid = _openid(user_id, "union") if joined else None
    user = User(user_id, name or user_id, openids, unionid, following, language)
    user.subscribed_at = world.clock.now() if following else 0.0
    world.users[user_id] = user
    world.by_openid |= dict.fromkeys(openids.values(), user)
    return user


def user_by_openid(world: World, account: Account, openid: object) -> User | None:
    """Who has this openid with this account; None also for the other account's openid."""
    user = world.by_openid.get(openid) if isinstance(openid, str) else None
    return user if user is not None and user.openids[account.app_id] == openid else None


def mint_code(world: World, user: User) -> str:
    """What `wx.login` gives the mini-program on this person's phone."""
    now = world.clock.now()
    world.codes = {key: code for key, code in world.codes.items() if code.ends_at > now - 3600}
    value = f"0{secrets.token_urlsafe(23)}"
    world.codes[value] = Code(user, now + CODE_LIFETIME_S)
    return value


def mint_phone_code(world: World, user: User) -> str:
    """What the button for the phone number gives the mini-program: a code of another kind."""
    value = secrets.token_hex(32)
    world.phone_codes[value] = Code(user, world.clock.now() + CODE_LIFETIME_S)
    return value


def next_msg_id(world: World) -> int:
    """A 64-bit id that grows, also over restarts: the account under test remembers old ones."""
    world.last_msg_id = max(world.last_msg_id + 1, time.time_ns() // 100)
    return world.last_msg_id


def _openid(user_id: str, space: str) -> str:
    digest = hashlib.sha256(f"{space}/{user_id}".encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]
