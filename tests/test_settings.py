"""Settings: what is wrong or missing is named with its form and an example, and nothing secret is shown."""

from __future__ import annotations

import base64
import os

import pytest
from pydantic import SecretStr

from app.settings import Settings, SettingsError, load_settings, settings_page
from tests.conftest import ROOT, SECRETS

REQUIRED = [str(f.validation_alias) for f in Settings.model_fields.values() if f.is_required()]
WRONG = {
    "DIDI_PUBLIC_ORIGIN": "https://didi.example.gov.cn/",
    "DIDI_RECEIPT_PUBLIC_KEYS_OLD": "beefbeefbeef",
    "DIDI_ENV": "staging",
    "DATABASE_URL": "mysql://didi@db/didi",
    "DATABASE_POOLER": "session",
    "DATABASE_POOL_SIZE": "0",
    "VALKEY_URL": "http://valkey:6379",
    "VALKEY_CLUSTER": "perhaps",
    "DIDI_SECRET_KEYS": "c2hvcnQ=",
    "DIDI_INDEX_KEY": "not base64!",
    "DIDI_RECEIPT_KEY": "c2hvcnQ=",
    "WECHAT_TOKEN": "a b",
    "WECHAT_AES_KEY": "tooshort",
    "WECHAT_AES_KEY_PREVIOUS": "tooshort",
    "WECHAT_APP_ID": "1234",
    "WECHAT_ORIGINAL_ID": "didi",
    "WECHAT_PLAIN": "perhaps",
    "WECHAT_LOCATION_DATUM": "bd09",
    "MINIPROGRAM_APP_ID": "1234",
    "PAGER_POLICE_APP_URL": "https://user:password@app.police.internal/hook",
    "PAGER_POLICE_APP_KEY": "too-short-to-sign",
    "PAGER_WECOM_API_BASE": "qyapi.weixin.qq.com",
    "PAGER_WECOM_CORP_ID": "1234",
    "PAGER_WECOM_AGENT_ID": "0",
    "PAGER_WECOM_SECRET": "short-one",
    "PAGER_SMS_URL": "https://sms.police.internal/send?token=secret",
    "PAGER_SMS_TOKEN": "1234567",
    "PAGER_LOUDSPEAKER_URL": "desk",
    "PAGER_LOUDSPEAKER_TOKEN": "1234567",
    "WECHAT_TEMPLATES": '{"claimed": {"id": "TM0001"}}',
    "MINIPROGRAM_TEMPLATES": "SM0001",
    "MINIPROGRAM_PUSH_TOKEN": "a b",
    "MINIPROGRAM_PUSH_AES_KEY": "tooshort",
    "WECHAT_DAILY_MESSAGES": "0",
    "WECHAT_DAILY_TEMPLATES": "many",
    "MINIPROGRAM_DAILY_SUBSCRIPTIONS": "-1",
    "DIDI_CLAIM_WINDOW_S": "4",
    "MEDIA_STORE": "cloud",
    "MEDIA_S3_ENDPOINT": "s3.internal:9000",
    "MEDIA_S3_BUCKET": "Didi",
    "MEDIA_S3_REGION": "cn north",
    "MEDIA_DAILY_DOWNLOADS": "0",
    "DIDI_DRAFT_KEPT_DAYS": "0",
    "DIDI_PORT": "70000",
    "DIDI_METRICS_PORT": "-1",
    "DIDI_LOG_LEVEL": "CHATTY",
}
FREE = {
    "MEDIA_FOLDER",
    "MEDIA_S3_ACCESS_KEY",
    "MEDIA_S3_SECRET_KEY",
    "DIDI_FOLDER",
    "WECHAT_APP_SECRET",
    "WECHAT_API_BASE",
    "MINIPROGRAM_APP_SECRET",
    "DIDI_CONSOLE_ORIGIN",
    "DIDI_HOST",
}
"""Any text is one: nothing to refuse."""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **changed: str | None) -> Settings:
    """From an environment as a process has it."""
    for name, value in (SECRETS | changed).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return load_settings()


def line_about(name: str, refused: pytest.ExceptionInfo[SettingsError]) -> str:
    [line] = [line for line in str(refused.value).splitlines() if line.startswith(f"{name}:")]
    return line


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_one_is_named_with_its_form_and_an_example(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **{name: None})

    field = next(f for f in Settings.model_fields.values() if f.validation_alias == name)
    line = line_about(name, refused)
    assert "is not set" in line
    assert str(field.description) in line
    assert f"Example: {name}={(field.examples or [''])[0]}" in line


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_one_is_named_with_its_form_and_an_example_and_never_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **{name: value})

    line = line_about(name, refused)
    assert f"Example: {name}=" in line
    field = next(f for f in Settings.model_fields.values() if f.validation_alias == name)
    if field.annotation in (SecretStr, SecretStr | None):
        assert value not in line


def test_every_setting_is_tried() -> None:
    names = {str(f.validation_alias) for f in Settings.model_fields.values()}

    assert set(WRONG) | FREE == names


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, WECHAT_TOKEN=None, DIDI_PORT="x", DIDI_SECRET_KEYS="x")

    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize("name", ["DIDI_SECRET_KEYS", "DIDI_INDEX_KEY", "DIDI_RECEIPT_KEY"])
def test_production_refuses_a_key_of_the_demo(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of_the_demo = base64.b64encode(b"demo" + os.urandom(28)).decode()

    assert load(monkeypatch, **{name: of_the_demo}).env == "development"
    with pytest.raises(SettingsError, match="make your own"):
        load(monkeypatch, DIDI_ENV="production", **{name: of_the_demo})


def test_production_refuses_plain_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="WECHAT_PLAIN"):
        load(monkeypatch, DIDI_ENV="production", WECHAT_PLAIN="true")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"PAGER_POLICE_APP_URL": "https://app.police.internal/hook"}, "PAGER_POLICE_APP_KEY"),
        ({"PAGER_WECOM_CORP_ID": "ww0123456789abcdef"}, "PAGER_WECOM_AGENT_ID and PAGER_WECOM_SECRET"),
        ({"PAGER_SMS_TOKEN": "a-token-of-sms"}, "PAGER_SMS_URL"),
        ({"PAGER_LOUDSPEAKER_URL": "board", "PAGER_LOUDSPEAKER_TOKEN": "a-token"}, "PAGER_LOUDSPEAKER_TOKEN"),
    ],
)
def test_a_pager_that_is_set_by_half_is_named(
    given: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=missing):
        load(monkeypatch, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"PAGER_SMS_URL": "http://sms.police.internal/send", "PAGER_SMS_TOKEN": "a-token-of-sms"},
        {"PAGER_POLICE_APP_URL": "http://app.police.internal/", "PAGER_POLICE_APP_KEY": "k" * 32},
        {"PAGER_WECOM_API_BASE": "http://wecom.internal"},
        {"PAGER_LOUDSPEAKER_URL": "http://speaker.internal/", "PAGER_LOUDSPEAKER_TOKEN": "a-token-of-it"},
    ],
)
def test_production_sends_no_secret_of_a_pager_in_the_clear(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(monkeypatch, **given).env == "development"
    with pytest.raises(SettingsError, match=next(iter(given))):
        load(monkeypatch, DIDI_ENV="production", **given)


def test_a_bucket_needs_its_address_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "MEDIA_STORE": "s3", "MEDIA_S3_ENDPOINT": "https://s3.internal", "MEDIA_S3_BUCKET": "didi-media",
        "MEDIA_S3_ACCESS_KEY": "key", "MEDIA_S3_SECRET_KEY": "secret",
    }  # fmt: skip

    assert load(monkeypatch, **given).media_store == "s3"
    with pytest.raises(SettingsError, match="MEDIA_S3_SECRET_KEY"):
        load(monkeypatch, **given | {"MEDIA_S3_SECRET_KEY": None})


def test_an_empty_one_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, DATABASE_URL="", DIDI_PORT="").port == 8000


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = repr(load(monkeypatch))

    for name in (
        "DIDI_SECRET_KEYS",
        "DIDI_INDEX_KEY",
        "DIDI_RECEIPT_KEY",
        "WECHAT_AES_KEY",
        "WECHAT_APP_SECRET",
    ):
        assert SECRETS[name] not in shown


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(monkeypatch).port = 1  # type: ignore[misc]


def test_the_reference_page_is_printed_by_the_code() -> None:
    assert (ROOT / "docs" / "reference" / "settings.md").read_text() == settings_page()
