"""One frozen Settings, read from the environment once; a wrong or missing value stops the start.

The fields' descriptions and examples are the source of docs/reference/settings.md
(`python -m app.settings` prints that page; a test keeps the two the same).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEMO_MARK = b"demo"
"""The first bytes of every secret that the demo makes; production refuses a key that starts so."""


_ADDRESS = r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[^\s?#]*)?$"
"""No user, no query, no fragment: secrets stand in settings of their own."""


class SettingsError(Exception):
    """The environment cannot be used; the message has one line a problem: which, what form, an example."""


class Template(BaseModel):
    """A template of WeChat's library: its id, and which of its keys takes what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=64)
    words: str  # a `thing`: what happened, in at most 20 characters
    number: str | None = None  # a `character_string`: the case's number
    time: str | None = None  # a `time`: when it happened
    lasting: bool = False  # a long-term one: one consent, many sends
    notice: bool = False  # Official Account: a subscription notice (bizsend) and no template message


Templates = Annotated[dict[str, Template], NoDecode]
"""Kind of notice to template."""


class Settings(BaseSettings):
    """What an operator decides; what a station decides stands on the station instead."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=True, env_ignore_empty=True)

    env: Literal["production", "development"] = Field(
        "development",
        validation_alias="DIDI_ENV",
        description="`production` refuses demo keys, plain callbacks, the simulator and the demo.",
        examples=["production"],
    )
    database_url: str | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 15 or newer. Not set: an embedded PostgreSQL is started in `DIDI_FOLDER`.",
        examples=["postgresql://didi:password@db.internal:5432/didi"],
    )
    database_pooler: Literal["none", "transaction"] = Field(
        "none",
        validation_alias="DATABASE_POOLER",
        description="`transaction` when a pooler in transaction mode stands before PostgreSQL: statement caches go off.",
        examples=["transaction"],
    )
    database_pool_size: int = Field(
        10,
        ge=1,
        le=200,
        validation_alias="DATABASE_POOL_SIZE",
        description="Connections a process keeps for transactions, and as many again for moves.",
        examples=["20"],
    )
    valkey_url: str | None = Field(
        None,
        validation_alias="VALKEY_URL",
        description="Valkey or Redis 7 or newer. Not set: an embedded Valkey is started in `DIDI_FOLDER`.",
        examples=["redis://:password@valkey.internal:6379/0"],
    )
    valkey_cluster: bool = Field(
        False,
        validation_alias="VALKEY_CLUSTER",
        description="The URL names one node of a cluster.",
        examples=["true"],
    )
    folder: Path | None = Field(
        None,
        validation_alias="DIDI_FOLDER",
        description="Where the embedded servers and the demo's own secrets live. Default `.didi`, as root `/var/lib/didi`.",
        examples=["/srv/didi"],
    )
    secret_keys: SecretStr = Field(
        validation_alias="DIDI_SECRET_KEYS",
        description="Keys of personal fields, 32 bytes each in base64, comma-separated; the first encrypts, all decrypt.",
        examples=["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="],
    )
    index_key: SecretStr = Field(
        validation_alias="DIDI_INDEX_KEY",
        description="Key of the blind index by which an openid or phone is found, 32 bytes in base64; "
        "while it is rotated two, comma-separated: the present one, then the next.",
        examples=["ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="],
    )
    receipt_key: SecretStr = Field(
        validation_alias="DIDI_RECEIPT_KEY",
        description="Ed25519 seed that signs receipts and audit exports, 32 bytes in base64.",
        examples=["QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="],
    )
    receipt_public_keys_old: str = Field(
        "",
        validation_alias="DIDI_RECEIPT_PUBLIC_KEYS_OLD",
        description="Public keys of earlier DIDI_RECEIPT_KEYs, 64 hex digits each, comma-separated: what they signed stays valid.",
        examples=["9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"],
    )
    public_origin: str = Field(
        "http://localhost:8000",
        pattern=r"^https?://[^/\s]+$",
        validation_alias="DIDI_PUBLIC_ORIGIN",
        description="Where citizens reach the service's public pages: the check of receipts. No slash at the end.",
        examples=["https://didi.example.gov.cn"],
    )
    wechat_token: str = Field(
        pattern=r"^[A-Za-z0-9_]{3,32}$",
        validation_alias="WECHAT_TOKEN",
        description="The Token of the Official Account's message push, as typed in its console: 3 to 32 letters or digits.",
        examples=["didipolice_token"],
    )
    wechat_aes_key: SecretStr = Field(
        validation_alias="WECHAT_AES_KEY",
        description="The EncodingAESKey of the message push, exactly 43 characters.",
        examples=["abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"],
    )
    wechat_aes_key_previous: SecretStr | None = Field(
        None,
        validation_alias="WECHAT_AES_KEY_PREVIOUS",
        description="The EncodingAESKey before the last change, tried second while messages are in flight.",
        examples=["GFEDCBA9876543210zyxwvutsrqponmlkjihgfedcba"],
    )
    wechat_app_id: str = Field(
        pattern=r"^wx[0-9a-zA-Z]{16}$",
        validation_alias="WECHAT_APP_ID",
        description="AppID of the Official Account.",
        examples=["wx1234567890abcdef"],
    )
    wechat_app_secret: SecretStr = Field(
        validation_alias="WECHAT_APP_SECRET",
        description="AppSecret of the Official Account.",
        examples=["0123456789abcdef0123456789abcdef"],
    )
    wechat_original_id: str | None = Field(
        None,
        pattern=r"^gh_[0-9a-z]+$",
        validation_alias="WECHAT_ORIGINAL_ID",
        description="Original id of the Official Account; when set, messages to another are refused.",
        examples=["gh_0123456789ab"],
    )
    wechat_api_base: str = Field(
        "https://api.weixin.qq.com",
        validation_alias="WECHAT_API_BASE",
        description="WeChat's API; the simulator's address for a trial.",
        examples=["https://api.weixin.qq.com"],
    )
    wechat_location_datum: Literal["wgs84", "gcj02"] = Field(
        "wgs84",
        validation_alias="WECHAT_LOCATION_DATUM",
        description="How the positions are read that WeChat sends while an officer's chat is open. WeChat does not state "
        "their datum: calibrate at a known spot (docs/how-to/connect-account.md).",
        examples=["wgs84"],
    )
    wechat_plain: bool = Field(
        False,
        validation_alias="WECHAT_PLAIN",
        description="Development only: accept callbacks in plain mode.",
        examples=["false"],
    )
    miniprogram_app_id: str = Field(
        pattern=r"^wx[0-9a-zA-Z]{16}$",
        validation_alias="MINIPROGRAM_APP_ID",
        description="AppID of the mini-program.",
        examples=["wxabcdef1234567890"],
    )
    miniprogram_app_secret: SecretStr = Field(
        validation_alias="MINIPROGRAM_APP_SECRET",
        description="AppSecret of the mini-program.",
        examples=["fedcba9876543210fedcba9876543210"],
    )
    pager_police_app_url: str | None = Field(
        None,
        pattern=_ADDRESS,
        validation_alias="PAGER_POLICE_APP_URL",
        description="Where the police's own app is told to page an officer; with `PAGER_POLICE_APP_KEY`. Not set: it does not page.",
        examples=["https://app.police.internal/hooks/didi"],
    )
    pager_police_app_key: SecretStr | None = Field(
        None,
        min_length=32,
        validation_alias="PAGER_POLICE_APP_KEY",
        description="Shared key that signs those requests, at least 32 characters.",
        examples=["c3VwZXItc2VjcmV0LWtleS1vZi1vdXItb3du"],
    )
    pager_wecom_api_base: str = Field(
        "https://qyapi.weixin.qq.com",
        pattern=_ADDRESS,
        validation_alias="PAGER_WECOM_API_BASE",
        description="WeCom's API; another address when WeCom is hosted privately, and the simulator's for a trial.",
        examples=["https://qyapi.weixin.qq.com"],
    )
    pager_wecom_corp_id: str | None = Field(
        None,
        pattern=r"^w[0-9a-zA-Z]{10,40}$",
        validation_alias="PAGER_WECOM_CORP_ID",
        description="Corporation id of WeCom, whose members' userids are badges; with agent id and secret. Not set: WeCom does not page.",
        examples=["ww0123456789abcdef"],
    )
    pager_wecom_agent_id: int | None = Field(
        None,
        ge=1,
        validation_alias="PAGER_WECOM_AGENT_ID",
        description="Agent id of the application in WeCom that pages.",
        examples=["1000002"],
    )
    pager_wecom_secret: SecretStr | None = Field(
        None,
        min_length=10,
        validation_alias="PAGER_WECOM_SECRET",
        description="Secret of that application.",
        examples=["3Yx0n7m_9cVbQ2kT5rW8pL1sD4fG6hJ0aZxCvBnMqWe"],
    )
    pager_sms_url: str | None = Field(
        None,
        pattern=_ADDRESS,
        validation_alias="PAGER_SMS_URL",
        description="An SMS gateway that knows officers by badge; with `PAGER_SMS_TOKEN`. Not set: no SMS.",
        examples=["https://sms.police.internal/send"],
    )
    pager_sms_token: SecretStr | None = Field(
        None,
        min_length=8,
        validation_alias="PAGER_SMS_TOKEN",
        description="Bearer token of the SMS gateway.",
        examples=["b9c1f0f3-sms-gateway"],
    )
    pager_loudspeaker_url: str | None = Field(
        None,
        pattern=rf"^board$|{_ADDRESS}",
        validation_alias="PAGER_LOUDSPEAKER_URL",
        description="What speaks at the desk when nothing else took a call: an address, or `board` for the desk's board. Not set: nothing.",
        examples=["board"],
    )
    pager_loudspeaker_token: SecretStr | None = Field(
        None,
        min_length=8,
        validation_alias="PAGER_LOUDSPEAKER_TOKEN",
        description="Bearer token of the loudspeaker, if it asks for one.",
        examples=["5f2d-loudspeaker"],
    )
    miniprogram_push_token: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_]{3,32}$",
        validation_alias="MINIPROGRAM_PUSH_TOKEN",
        description="The Token of the mini-program's message push to /wechat/miniprogram, safe mode, XML. Set: consents are counted "
        "by WeChat's word alone; not set: as the mini-program's client reports them.",
        examples=["didiminiprogram"],
    )
    miniprogram_push_aes_key: SecretStr | None = Field(
        None,
        validation_alias="MINIPROGRAM_PUSH_AES_KEY",
        description="The EncodingAESKey of that push, exactly 43 characters; goes with the token.",
        examples=["abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"],
    )
    wechat_templates: Templates = Field(
        {},
        validation_alias="WECHAT_TEMPLATES",
        description="The Official Account's templates by kind of notice (docs/reference/notices.md), `*` for all others, as JSON; "
        "`notice` true: a subscription notice, which needs the person's consent.",
        examples=[
            '{"*": {"id": "TM0001", "words": "thing1", "number": "character_string2", "time": "time3"}}'
        ],
    )
    miniprogram_templates: Templates = Field(
        {},
        validation_alias="MINIPROGRAM_TEMPLATES",
        description="The mini-program's subscription templates, in the same form; `lasting` true: a long-term one.",
        examples=['{"claimed": {"id": "SM0001", "words": "thing1", "lasting": true}}'],
    )
    wechat_daily_messages: int = Field(
        500_000,
        ge=1,
        validation_alias="WECHAT_DAILY_MESSAGES",
        description="Customer-service messages the Official Account may send in a day; the console shows the account's own number.",
        examples=["500000"],
    )
    wechat_daily_templates: int = Field(
        100_000,
        ge=1,
        validation_alias="WECHAT_DAILY_TEMPLATES",
        description="Template messages or subscription notices the Official Account may send in a day, as its console shows.",
        examples=["100000"],
    )
    miniprogram_daily_subscriptions: int = Field(
        10_000_000,
        ge=1,
        validation_alias="MINIPROGRAM_DAILY_SUBSCRIPTIONS",
        description="Subscription messages the mini-program may send in a day.",
        examples=["10000000"],
    )
    media_store: Literal["local", "s3"] = Field(
        "local",
        validation_alias="MEDIA_STORE",
        description="Where pictures, voices and videos are put, sealed. `local`: `MEDIA_FOLDER`, for one machine; `s3`: a bucket.",
        examples=["s3"],
    )
    media_folder: Path | None = Field(
        None,
        validation_alias="MEDIA_FOLDER",
        description="The folder of `MEDIA_STORE=local`; every process of the service must see the same. Default `media` in `DIDI_FOLDER`.",
        examples=["/srv/didi/media"],
    )
    media_s3_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+$",
        validation_alias="MEDIA_S3_ENDPOINT",
        description="Address of the S3-compatible storage, your own; media go there and nowhere else. No slash at the end.",
        examples=["https://s3.internal:9000"],
    )
    media_s3_bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        validation_alias="MEDIA_S3_BUCKET",
        description="Its bucket, for media alone, with no public access.",
        examples=["didi-media"],
    )
    media_s3_region: str = Field(
        "us-east-1",
        pattern=r"^[a-z0-9-]{1,40}$",
        validation_alias="MEDIA_S3_REGION",
        description="Its region; most storages of one's own take the default.",
        examples=["cn-north-1"],
    )
    media_s3_access_key: SecretStr | None = Field(
        None,
        validation_alias="MEDIA_S3_ACCESS_KEY",
        description="The key that may put, get and delete in the bucket.",
        examples=["didi-media-key"],
    )
    media_s3_secret_key: SecretStr | None = Field(
        None,
        validation_alias="MEDIA_S3_SECRET_KEY",
        description="Its secret.",
        examples=["a-long-secret"],
    )
    media_daily_downloads: int = Field(
        10_000,
        ge=1,
        le=10_000_000,
        validation_alias="MEDIA_DAILY_DOWNLOADS",
        description="Files WeChat lets the account download on a day in Beijing; beyond it they wait for the next.",
        examples=["10000"],
    )
    claim_window_s: int = Field(
        60,
        ge=5,
        le=600,
        validation_alias="DIDI_CLAIM_WINDOW_S",
        description="Seconds officers have to take a case before the desk has it; a station may set its own.",
        examples=["60"],
    )
    draft_kept_days: int = Field(
        7,
        ge=1,
        le=90,
        validation_alias="DIDI_DRAFT_KEPT_DAYS",
        description="Days for which a report that is begun in the chat waits for its next word; then it is erased.",
        examples=["7"],
    )
    host: str = Field(
        "127.0.0.1",
        validation_alias="DIDI_HOST",
        description="Address the service listens on.",
        examples=["0.0.0.0"],  # noqa: S104  an example
    )
    port: int = Field(
        8000,
        ge=1,
        le=65535,
        validation_alias="DIDI_PORT",
        description="Port the service listens on.",
        examples=["8000"],
    )
    metrics_port: int = Field(
        8001,
        ge=0,
        le=65535,
        validation_alias="DIDI_METRICS_PORT",
        description="Port of the worker's /metrics and /healthz; 0 turns them off.",
        examples=["8001"],
    )
    console_origin: str = Field(
        "http://localhost:8000",
        validation_alias="DIDI_CONSOLE_ORIGIN",
        description="The exact origin of the console's pages; other origins cannot open its sockets.",
        examples=["https://didi.example.gov.cn"],
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        validation_alias="DIDI_LOG_LEVEL",
        description="Least level that is logged.",
        examples=["INFO"],
    )

    @field_validator("receipt_key")
    @classmethod
    def _one_key(cls, value: SecretStr) -> SecretStr:
        _key(value.get_secret_value())
        return value

    @field_validator("receipt_public_keys_old")
    @classmethod
    def _hex_keys(cls, value: str) -> str:
        if value and not re.fullmatch("[0-9a-f]{64}(,[0-9a-f]{64})*", value):
            raise ValueError("each key must be 64 hex digits, as `didi receipt key` prints them")
        return value

    @field_validator("index_key")
    @classmethod
    def _one_or_two_keys(cls, value: SecretStr) -> SecretStr:
        parts = value.get_secret_value().split(",")
        if len(parts) > 2:
            raise ValueError(f"must be one key, or two while it is rotated; has {len(parts)}")
        for part in parts:
            _key(part)
        return value

    @field_validator("secret_keys")
    @classmethod
    def _some_keys(cls, value: SecretStr) -> SecretStr:
        for part in value.get_secret_value().split(","):
            _key(part)
        return value

    @field_validator("wechat_aes_key", "wechat_aes_key_previous", "miniprogram_push_aes_key")
    @classmethod
    def _aes_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value()
        if len(text) != 43 or not text.isascii() or not text.isalnum():
            raise ValueError(f"must be exactly 43 letters or digits, has {len(text)}")
        return value

    @field_validator("wechat_templates", "miniprogram_templates", mode="before")
    @classmethod
    def _json(cls, value: Any) -> Any:  # what the environment has is text, a test gives a dict
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError("must be JSON: kind of notice to template") from error

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in ("postgres", "postgresql", "postgresql+asyncpg"):
            raise ValueError("must start with postgresql://")
        return value

    @field_validator("valkey_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in ("redis", "rediss", "valkey", "valkeys", "unix"):
            raise ValueError("must start with redis:// or rediss://")
        return value

    @model_validator(mode="after")
    def _whole_pagers(self) -> Settings:
        parts: dict[str, dict[str, object]] = {
            "police app": {"PAGER_POLICE_APP_URL": self.pager_police_app_url, "PAGER_POLICE_APP_KEY": self.pager_police_app_key},
            "WeCom": {
                "PAGER_WECOM_CORP_ID": self.pager_wecom_corp_id,
                "PAGER_WECOM_AGENT_ID": self.pager_wecom_agent_id,
                "PAGER_WECOM_SECRET": self.pager_wecom_secret,
            },
            "SMS": {"PAGER_SMS_URL": self.pager_sms_url, "PAGER_SMS_TOKEN": self.pager_sms_token},
        }  # fmt: skip
        for what, named in parts.items():
            missing = [name for name, value in named.items() if value is None]
            if missing and len(missing) < len(named):
                raise ValueError(f"the {what} pager is set by half: set {' and '.join(missing)} too, or none")
        if self.pager_loudspeaker_token and not (self.pager_loudspeaker_url or "").startswith("http"):
            raise ValueError(
                "PAGER_LOUDSPEAKER_TOKEN belongs to an address: set PAGER_LOUDSPEAKER_URL, or take it out"
            )
        return self

    @model_validator(mode="after")
    def _s3_is_whole(self) -> Settings:
        if self.media_store == "s3" and not (
            self.media_s3_endpoint
            and self.media_s3_bucket
            and self.media_s3_access_key
            and self.media_s3_secret_key
        ):
            raise ValueError(
                "MEDIA_STORE=s3 needs MEDIA_S3_ENDPOINT, MEDIA_S3_BUCKET, MEDIA_S3_ACCESS_KEY and MEDIA_S3_SECRET_KEY"
            )
        return self

    @model_validator(mode="after")
    def _push_is_whole(self) -> Settings:
        if (self.miniprogram_push_token is None) != (self.miniprogram_push_aes_key is None):
            raise ValueError(
                "MINIPROGRAM_PUSH_TOKEN and MINIPROGRAM_PUSH_AES_KEY go together: set both, or neither"
            )
        return self

    @model_validator(mode="after")
    def _fit_for_production(self) -> Settings:
        if self.env != "production":
            return self
        keys = [self.secret_keys, self.index_key, self.receipt_key]
        parts = [part for key in keys for part in key.get_secret_value().split(",")]
        if any(_key(part).startswith(DEMO_MARK) for part in parts):
            raise ValueError(
                "DIDI_SECRET_KEYS, DIDI_INDEX_KEY or DIDI_RECEIPT_KEY is a key the demo made: make your own"
            )
        if self.wechat_plain:
            raise ValueError("WECHAT_PLAIN is for development only: take it out")
        secret = {
            "PAGER_POLICE_APP_URL": self.pager_police_app_url,
            "PAGER_WECOM_API_BASE": self.pager_wecom_api_base,
            "PAGER_SMS_URL": self.pager_sms_url,
            "PAGER_LOUDSPEAKER_URL": self.pager_loudspeaker_url if self.pager_loudspeaker_token else None,
        }
        for name, url in secret.items():
            if url and not url.startswith("https://"):
                raise ValueError(f"{name}: in production it must begin with https://, as a secret goes there")
        return self


def _key(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise ValueError("must be base64; make one with: openssl rand -base64 32") from error
    if len(raw) != 32:
        raise ValueError(
            f"must be 32 bytes in base64, has {len(raw)}; make one with: openssl rand -base64 32"
        )
    return raw


def load_settings(**overrides: object) -> Settings:
    """Read the environment.

    `overrides` are given by variable name (`DATABASE_URL=...`) and win over the environment.

    Raises:
        SettingsError: names each wrong or missing variable, its form and an example; never its value.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # aliases are the variables' names
    except ValidationError as error:
        raise SettingsError("\n".join(_problem(dict(e)) for e in error.errors(include_input=False))) from None


def _problem(error: dict[str, object]) -> str:
    place = error["loc"]
    name = str(place[0]) if isinstance(place, tuple) and place else ""
    field = next((f for f in Settings.model_fields.values() if f.validation_alias == name), None)
    what = "is not set" if error["type"] == "missing" else str(error["msg"]).removeprefix("Value error, ")
    if field is None:
        return what
    example = field.examples[0] if field.examples else ""
    return f"{name}: {what}. {field.description} Example: {name}={example}"


def settings_page() -> str:
    """The reference page of every setting, in Markdown."""
    rows = [
        f"| `{f.validation_alias}` | {'required' if f.is_required() else f'`{f.default}`' if f.default is not None else '-'} "
        f"| {f.description} | `{(f.examples or [''])[0]}` |"
        for f in Settings.model_fields.values()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Read once from the environment at the start. A wrong or missing one stops the process and is named.",
            "This page is printed by `python -m app.settings`. The examples are no secrets: make your own.",
            "",
            "| variable | default | what it decides | example |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    print(settings_page(), end="")
