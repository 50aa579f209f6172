"""What stands before wechatpy: the vectors of the protocol, and everything that must not pass."""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from wechat.guard import Keys, Rejected, RejectReason, echo, open_envelope, seal

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))
TOKEN, APP_ID, OWN_ID = VECTORS["token"], VECTORS["app_id"], VECTORS["own_id"]
AES_KEY = VECTORS["aes_key"]
OTHER_AES_KEY = "GFEDCBA9876543210zyxwvutsrqponmlkjihgfedcba"
NOW_S = int(VECTORS["timestamp"])
KEYS = Keys(token=TOKEN, aes_key=AES_KEY, app_id=APP_ID)
SHORT, TEXT = VECTORS["messages"]


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode("utf-8", "surrogatepass")).hexdigest()


def encrypt(plain: bytes, *, aes_key: str = AES_KEY) -> str:
    """AES of our own, independent of wechatpy and of the code under test; no padding, no frame."""
    key = base64.b64decode(aes_key + "=")
    aes = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(aes.update(plain) + aes.finalize()).decode()


def decrypt(encrypted: str) -> tuple[bytes, str]:
    """The message and the app id inside a ciphertext, by the book."""
    key = base64.b64decode(AES_KEY + "=")
    aes = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = aes.update(base64.b64decode(encrypted)) + aes.finalize()
    assert 1 <= plain[-1] <= 32
    assert plain.endswith(plain[-1:] * plain[-1])
    plain = plain[: -plain[-1]]
    (length,) = struct.unpack(">I", plain[16:20])
    return plain[20 : 20 + length], plain[20 + length :].decode()


def frame(words: str | bytes, *, app_id: str = APP_ID, salt: bytes = b"0123456789abcdef") -> bytes:
    encoded = words.encode() if isinstance(words, str) else words
    plain = salt + struct.pack(">I", len(encoded)) + encoded + app_id.encode()
    pad = 32 - len(plain) % 32
    return plain + bytes([pad]) * pad


def envelope(encrypted: str) -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[{OWN_ID}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    ).encode()


def query_for(encrypted: str, *, timestamp: str = str(NOW_S), nonce: str = "1") -> dict[str, str]:
    return {
        "signature": sign(TOKEN, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "openid": "oUser0000000000000000000001",
        "encrypt_type": "aes",
        "msg_signature": sign(TOKEN, timestamp, nonce, encrypted),
    }


def pass_guard(encrypted: str, *, keys: Keys = KEYS, **changed: str) -> str:
    return open_envelope(
        envelope(encrypted), query_for(encrypted) | changed, keys, now_s=NOW_S, own_id=OWN_ID
    ).decode()


def reason_of(body: bytes, query: dict[str, str], **options: Any) -> RejectReason:
    options = {"now_s": NOW_S, "own_id": OWN_ID} | options
    with pytest.raises(Rejected) as rejected:
        open_envelope(body, query, KEYS, **options)
    assert rejected.value.__cause__ is None  # a cause could quote the message
    return rejected.value.reason


def test_the_key_and_the_signature_of_the_vectors_are_what_the_protocol_says() -> None:
    key = base64.b64decode(AES_KEY + "=")

    assert key.hex() == VECTORS["key_hex"]
    assert key[:16].hex() == VECTORS["iv_hex"]
    assert sign(TOKEN, VECTORS["timestamp"], VECTORS["nonce"]) == VECTORS["signature"]


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["name"])
def test_a_vector_comes_out_alike_by_wechatpy_and_by_independent_aes(vector: Any) -> None:
    body = f"<xml><Encrypt><![CDATA[{vector['encrypt']}]]></Encrypt></xml>"
    stamp, nonce = VECTORS["timestamp"], VECTORS["nonce"]

    assert encrypt(frame(vector["clear"])) == vector["encrypt"]
    assert sign(TOKEN, stamp, nonce, vector["encrypt"]) == vector["msg_signature"]
    assert decrypt(vector["encrypt"]) == (vector["clear"].encode(), APP_ID)
    crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    assert crypto.decrypt_message(body, vector["msg_signature"], stamp, nonce) == vector["clear"]


def test_the_message_of_the_vectors_passes() -> None:
    query = {
        "signature": VECTORS["signature"],
        "timestamp": VECTORS["timestamp"],
        "nonce": VECTORS["nonce"],
        "encrypt_type": "aes",
        "msg_signature": TEXT["msg_signature"],
    }

    clear = open_envelope(envelope(TEXT["encrypt"]), query, KEYS, now_s=NOW_S, own_id=OWN_ID)

    assert clear == TEXT["clear"].encode()


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["name"])
def test_a_sealed_reply_equals_the_vector_when_its_salt_does(
    vector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    salt = VECTORS["random16"].encode()
    monkeypatch.setattr(secrets, "token_bytes", lambda size: salt[:size])

    sealed = seal(vector["clear"], KEYS, now_s=NOW_S, nonce=VECTORS["nonce"])

    assert f"<Encrypt><![CDATA[{vector['encrypt']}]]></Encrypt>" in sealed
    assert f"<MsgSignature><![CDATA[{vector['msg_signature']}]]></MsgSignature>" in sealed
    assert f"<TimeStamp>{NOW_S}</TimeStamp>" in sealed


@given(words=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_whatever_is_sealed_wechatpy_can_open(words: str) -> None:
    sealed = seal(words, KEYS, now_s=NOW_S, nonce="abc")

    signature = sealed.split("<MsgSignature><![CDATA[")[1].split("]]>")[0]
    crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    assert crypto.decrypt_message(sealed, signature, str(NOW_S), "abc") == words


def test_two_sealed_replies_of_one_text_differ() -> None:
    assert seal("a", KEYS, now_s=NOW_S) != seal("a", KEYS, now_s=NOW_S)


def test_a_nonce_that_could_break_out_of_its_field_is_refused() -> None:
    with pytest.raises(ValueError, match="nonce"):
        seal("a", KEYS, now_s=NOW_S, nonce="1]]>")


@pytest.mark.parametrize(
    ("spoilt", "steps"),
    [
        ("", ["compare", "compare", "decrypt"]),
        ("signature", ["compare"]),
        ("msg_signature", ["compare", "compare"]),
    ],
)
def test_both_signatures_are_compared_in_constant_time_before_anything_is_decrypted(
    spoilt: str, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    compare, decrypt_message = hmac.compare_digest, WeChatCrypto.decrypt_message

    def spy_compare(one: bytes, other: bytes) -> bool:
        seen.append("compare")
        return compare(one, other)

    def spy_decrypt(*args: Any) -> Any:
        seen.append("decrypt")
        return decrypt_message(*args)

    monkeypatch.setattr(hmac, "compare_digest", spy_compare)
    monkeypatch.setattr(WeChatCrypto, "decrypt_message", spy_decrypt)
    query = query_for(TEXT["encrypt"])
    if spoilt:
        query[spoilt] = "0" * 40
        assert reason_of(envelope(TEXT["encrypt"]), query) is RejectReason.SIGNATURE
    else:
        pass_guard(TEXT["encrypt"])

    assert seen == steps


@pytest.mark.parametrize("name", ["signature", "msg_signature", "timestamp", "nonce"])
@pytest.mark.parametrize("value", [None, "", "0" * 40, "é", "\ud800", "1\n"])
def test_a_query_with_a_missing_or_foreign_part_is_refused(name: str, value: str | None) -> None:
    query = query_for(TEXT["encrypt"])
    del query[name]
    if value is not None:
        query[name] = value

    assert reason_of(envelope(TEXT["encrypt"]), query) is RejectReason.SIGNATURE


def test_the_signature_of_one_kind_does_not_do_for_the_other() -> None:
    query = query_for(TEXT["encrypt"])
    query["msg_signature"] = query["signature"]

    assert reason_of(envelope(TEXT["encrypt"]), query) is RejectReason.SIGNATURE


@pytest.mark.parametrize(("age_s", "passes"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_callback_older_or_newer_than_300_seconds_is_a_replay(age_s: int, passes: bool) -> None:
    query, body = query_for(TEXT["encrypt"]), envelope(TEXT["encrypt"])

    if passes:
        assert open_envelope(body, query, KEYS, now_s=NOW_S + age_s, own_id=OWN_ID)
    else:
        assert reason_of(body, query, now_s=NOW_S + age_s) is RejectReason.STALE


@pytest.mark.parametrize("stamp", ["", "soon", "1e9", "-1714112445", " 1714112445", "١٧١٤١١٢٤٤٥", "9" * 11])
def test_a_timestamp_of_another_form_is_refused_even_when_signed(stamp: str) -> None:
    query = query_for(TEXT["encrypt"], timestamp=stamp)

    assert reason_of(envelope(TEXT["encrypt"]), query) is RejectReason.MALFORMED


def test_digits_cannot_wander_from_the_nonce_into_the_timestamp() -> None:
    # The signed string is sorted and joined, so this query has the signature of another one.
    old = query_for(TEXT["encrypt"], timestamp="1714112000", nonce="1714112001")
    moved = old | {"timestamp": "17141120001", "nonce": "714112001"}
    assert sign(TOKEN, moved["timestamp"], moved["nonce"]) == moved["signature"]

    assert reason_of(envelope(TEXT["encrypt"]), moved, now_s=1714112000) is RejectReason.MALFORMED


def test_a_message_under_the_previous_key_passes_while_that_key_is_kept() -> None:
    old = encrypt(frame(TEXT["clear"]), aes_key=OTHER_AES_KEY)
    both = Keys(token=TOKEN, aes_key=AES_KEY, app_id=APP_ID, previous_aes_key=OTHER_AES_KEY)

    assert pass_guard(old, keys=both) == TEXT["clear"]
    assert pass_guard(TEXT["encrypt"], keys=both) == TEXT["clear"]
    assert reason_of(envelope(old), query_for(old)) is RejectReason.UNDECRYPTABLE


@pytest.mark.parametrize("previous", [None, OTHER_AES_KEY])
def test_a_message_to_another_app_id_is_refused(previous: str | None) -> None:
    keys = Keys(token=TOKEN, aes_key=AES_KEY, app_id=APP_ID, previous_aes_key=previous)
    other = encrypt(frame(TEXT["clear"], app_id="wxffffffffffffffff"))

    with pytest.raises(Rejected) as rejected:
        pass_guard(other, keys=keys)

    assert rejected.value.reason is RejectReason.APP_ID


def test_a_message_to_another_account_is_refused_whatever_its_envelope_says() -> None:
    other = encrypt(frame(TEXT["clear"].replace(OWN_ID, "gh_ffffffffffff")))

    assert reason_of(envelope(other), query_for(other)) is RejectReason.RECIPIENT


def test_the_body_may_have_64_kib_and_not_a_byte_more() -> None:
    body = envelope(TEXT["encrypt"])
    full = body + b" " * (64 * 1024 - len(body))

    assert open_envelope(full, query_for(TEXT["encrypt"]), KEYS, now_s=NOW_S, own_id=OWN_ID)
    assert reason_of(full + b" ", query_for(TEXT["encrypt"])) is RejectReason.OVERSIZE


DTD = '<!DOCTYPE xml [<!ENTITY a "b">]>'


@pytest.mark.parametrize("dtd", [DTD, "<!DOCTYPE xml>", '<!DOCTYPE xml SYSTEM "file:///etc/hostname">'])
def test_a_dtd_is_refused_outside_and_inside_the_cipher(dtd: str) -> None:
    outside = dtd.encode() + envelope(TEXT["encrypt"])
    inside = encrypt(frame(dtd + TEXT["clear"]))

    assert reason_of(outside, query_for(TEXT["encrypt"])) is RejectReason.DTD
    assert reason_of(envelope(inside), query_for(inside)) is RejectReason.DTD


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b'{"Encrypt":"a"}',
        b"<xml></xml>",
        b"<xml><Encrypt></Encrypt></xml>",
        b"<xml><Encrypt>a</Encrypt><Encrypt>a</Encrypt></xml>",
        b"<xml><Encrypt kind='a'>a</Encrypt></xml>",
        b"<other><Encrypt>a</Encrypt></other>",
        b"<xml><Encrypt>a</Encrypt>",
        b"<xml>" + b"<a>" * 9000,
        b"<xml>\xff</xml>",
        "<xml><Encrypt>a</Encrypt></xml>".encode("utf-16"),
    ],
)
def test_an_envelope_of_another_form_is_malformed(body: bytes) -> None:
    assert reason_of(body, query_for("a")) is RejectReason.MALFORMED


def test_an_encoding_that_two_parsers_would_read_differently_is_not_honoured() -> None:
    hidden = '<?xml version="1.0" encoding="utf-7"?>' + TEXT["clear"]
    encrypted = encrypt(frame(hidden))

    assert pass_guard(encrypted) == hidden  # read as UTF-8 by both


def test_a_stray_control_character_does_not_lose_a_citizens_words() -> None:
    encrypted = encrypt(frame(TEXT["clear"].replace("你好", "他\x00有\x08刀")))

    assert "他有刀" in pass_guard(encrypted)


def test_plain_mode_is_refused_unless_asked_for() -> None:
    query = query_for("")
    del query["msg_signature"], query["encrypt_type"]
    body = TEXT["clear"].encode()

    assert reason_of(body, query) is RejectReason.PLAIN
    assert open_envelope(body, query, KEYS, now_s=NOW_S, own_id=OWN_ID, allow_plain=True) == body
    query["signature"] = "0" * 40
    assert reason_of(body, query, allow_plain=True) is RejectReason.SIGNATURE


def test_plain_mode_does_not_open_a_way_around_the_cipher() -> None:
    query = query_for(TEXT["encrypt"]) | {"msg_signature": "0" * 40}

    reason = reason_of(TEXT["clear"].encode(), query, allow_plain=True)

    assert reason is RejectReason.MALFORMED  # no Encrypt in it


def test_the_echo_is_answered_when_signed() -> None:
    query = {"signature": VECTORS["signature"], "timestamp": str(NOW_S), "nonce": VECTORS["nonce"]}

    assert echo(query | {"echostr": "5837397520665436"}, TOKEN) == "5837397520665436"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"signature": "0" * 40}, RejectReason.SIGNATURE),
        ({"echostr": ""}, RejectReason.MALFORMED),
        ({"echostr": "<script>"}, RejectReason.MALFORMED),
        ({"echostr": "1\n"}, RejectReason.MALFORMED),
        ({"echostr": "1" * 513}, RejectReason.MALFORMED),
    ],
)
def test_the_echo_reflects_nothing_else(changed: dict[str, str], reason: RejectReason) -> None:
    query = {
        "signature": VECTORS["signature"],
        "timestamp": str(NOW_S),
        "nonce": VECTORS["nonce"],
        "echostr": "1",
    }

    with pytest.raises(Rejected) as rejected:
        echo(query | changed, TOKEN)

    assert rejected.value.reason is reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", "ab"),
        ("token", "a-b-c"),
        ("aes_key", AES_KEY[1:]),
        ("aes_key", AES_KEY + "="),
        ("previous_aes_key", "short"),
        ("app_id", ""),
    ],
)
def test_keys_of_a_wrong_form_are_refused_without_being_shown(field: str, value: str) -> None:
    with pytest.raises(ValueError, match="WeChat") as refused:
        Keys(**{"token": TOKEN, "aes_key": AES_KEY, "app_id": APP_ID} | {field: value})

    assert not value or value not in str(refused.value)


def test_keys_do_not_show_in_a_log() -> None:
    assert TOKEN not in repr(KEYS)
    assert AES_KEY not in repr(KEYS)


def test_each_reason_has_a_status_of_the_client_error_kind() -> None:
    statuses = {reason: Rejected(reason).status for reason in RejectReason}

    assert statuses[RejectReason.OVERSIZE] == 413
    assert statuses[RejectReason.SIGNATURE] == statuses[RejectReason.STALE] == 403
    assert statuses[RejectReason.MALFORMED] == 400
    assert all(400 <= status < 500 for status in statuses.values())


def only_rejected(body: bytes, query: dict[str, str], **options: Any) -> None:
    # Anything but clear XML or Rejected rises, and fails.
    with contextlib.suppress(Rejected):
        clear = open_envelope(body, query, KEYS, now_s=NOW_S, own_id=None, **options)
        assert clear.decode("utf-8").strip()


ANY_TEXT = st.text(st.characters(), max_size=60)


@settings(max_examples=300)
@given(
    body=st.binary(max_size=400),
    query=st.dictionaries(
        st.sampled_from(["signature", "msg_signature", "timestamp", "nonce", "encrypt_type"]), ANY_TEXT
    ),
    plain=st.booleans(),
)
def test_arbitrary_bytes_and_queries_are_rejected_and_nothing_else(
    body: bytes, query: dict[str, str], plain: bool
) -> None:
    only_rejected(body, query, allow_plain=plain)


@settings(max_examples=300)
@given(body=st.binary(max_size=400) | ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_an_arbitrary_body_under_a_good_signature_is_rejected_and_nothing_else(body: bytes) -> None:
    query = query_for("")
    del query["msg_signature"], query["encrypt_type"]

    only_rejected(body, query, allow_plain=True)


@settings(max_examples=500)
@given(data=st.data())
def test_a_mutated_envelope_is_rejected_and_nothing_else(data: st.DataObject) -> None:
    body = bytearray(envelope(TEXT["encrypt"]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    only_rejected(bytes(body), query_for(TEXT["encrypt"]))


@settings(max_examples=500)
@given(encrypted=st.text(st.characters(codec="utf-8"), max_size=80).filter(lambda t: "]]>" not in t))
@example("=")
@example("AA==")
@example("é")
def test_a_signed_ciphertext_of_any_text_is_rejected_and_nothing_else(encrypted: str) -> None:
    only_rejected(envelope(encrypted), query_for(encrypted))


@settings(max_examples=500)
@given(plain=st.binary(min_size=16, max_size=160))
@example(bytes(16))
@example(b"\x21" * 32)
@example(b"\x10" * 16)
@example(b"0123456789abcdef\xff\xff\xff\xff" + b"a" * 12)
def test_a_signed_ciphertext_of_any_plaintext_is_rejected_and_nothing_else(plain: bytes) -> None:
    encrypted = encrypt(plain[: len(plain) // 16 * 16])

    only_rejected(envelope(encrypted), query_for(encrypted))


@settings(max_examples=300)
@given(words=st.binary(max_size=200))
@example(b"<xml>" + b"<a>" * 60)
@example(b"<xml><ToUserName/></xml>")
def test_signed_and_framed_words_of_any_kind_are_rejected_or_clear_xml(words: bytes) -> None:
    encrypted = encrypt(frame(words))

    only_rejected(envelope(encrypted), query_for(encrypted))
