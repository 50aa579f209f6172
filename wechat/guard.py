"""What stands between the internet and wechatpy: sizes, signatures, age, addressee, DTDs.

The protocol is WeChat's message push (safe mode): AES-256-CBC under a key shared with the
account, signed with SHA-1 over the sorted token, timestamp, nonce and ciphertext.
"""

import base64
import hashlib
import hmac
import re
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException

MAX_BODY_BYTES: Final = 64 * 1024
MAX_AGE_S: Final = 300
MAX_DEPTH: Final = 8  # WeChat's deepest message, a list of photos, has 5
_MAX_ECHO_CHARS: Final = 512
_PADDED_TO_BYTES: Final = 32  # WeChat pads to 32, although an AES block has 16

# Two of one of these, and two parsers may each believe another one.
_SINGLE: Final = frozenset(
    ("ToUserName", "FromUserName", "CreateTime", "MsgType", "Event", "EventKey", "MsgId", "Encrypt")
)
# What XML 1.0 cannot carry. WeChat passes on what people paste, and a plea for help must not be
# lost for a stray control character.
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class RejectReason(StrEnum):
    """Why a callback was refused; stable, fit for a metric's label."""

    OVERSIZE = "oversize"
    SIGNATURE = "signature"
    STALE = "stale"
    PLAIN = "plain"
    DTD = "dtd"
    MALFORMED = "malformed"
    UNDECRYPTABLE = "undecryptable"
    APP_ID = "app_id"
    RECIPIENT = "recipient"


_STATUS: Final = {
    RejectReason.OVERSIZE: 413,
    RejectReason.DTD: 400,
    RejectReason.MALFORMED: 400,
    RejectReason.UNDECRYPTABLE: 400,
}


class Rejected(Exception):
    """A callback that goes no further. Carries a reason and nothing of what was sent."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(f"WeChat callback refused: {reason}")
        self.reason = reason

    @property
    def status(self) -> int:
        """The HTTP status to answer with: 400, 413, or 403 for what may be forged."""
        return _STATUS.get(self.reason, 403)


@dataclass(frozen=True, slots=True)
class Keys:
    """What the account shares with WeChat: as set in its console, "basic configuration".

    `previous_aes_key` is the key before the last change: messages under way may still use it.

    Raises:
        ValueError: a token that is not 3-32 letters, digits or `_`, or a key that is not 43 of them.
    """

    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    app_id: str
    previous_aes_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9A-Za-z_]{3,32}", self.token, re.ASCII):
            raise ValueError(
                "the WeChat callback token must be 3 to 32 letters, digits or '_'; "
                "copy it from the account's console, for example 'didipolice_token'"
            )
        for name, key in (("", self.aes_key), ("previous ", self.previous_aes_key)):
            if key is not None and not re.fullmatch("[0-9A-Za-z+/]{43}", key, re.ASCII):
                raise ValueError(
                    f"the {name}WeChat EncodingAESKey must be exactly 43 letters or digits; "
                    "copy it from the account's console, without a trailing '='"
                )
        if not self.app_id:
            raise ValueError("the WeChat app id is empty; it looks like 'wx1234567890abcdef'")


def open_envelope(
    body: bytes,
    query: Mapping[str, str],
    keys: Keys,
    *,
    now_s: int,
    own_id: str | None,
    allow_plain: bool = False,
) -> bytes:
    """Check one callback and return its clear XML: UTF-8, without a DTD, addressed to us.

    `now_s` is Unix time; `own_id` is the account's original id (`gh_...`), None to accept any.
    `allow_plain` also lets in what is signed but not encrypted, for development only.

    Raises:
        Rejected: always this, whatever was sent.
    """
    if len(body) > MAX_BODY_BYTES:
        raise Rejected(RejectReason.OVERSIZE)
    _check_signature(query.get("signature", ""), keys.token, query)
    _check_age(query.get("timestamp", ""), now_s)
    if "msg_signature" in query or query.get("encrypt_type") == "aes":
        clear = _decrypted(_fields(_utf8(body)), query, keys)
    elif allow_plain:
        clear = _NOT_XML.sub("", _utf8(body))
    else:
        raise Rejected(RejectReason.PLAIN)
    # The addressee outside the cipher is not signed; only the one inside counts.
    if _fields(clear).get("ToUserName") != own_id and own_id is not None:
        raise Rejected(RejectReason.RECIPIENT)
    return clear.encode()


def echo(query: Mapping[str, str], token: str) -> str:
    """Answer WeChat's check of our address (GET): the text to send back as `text/plain`.

    Raises:
        Rejected: wrong signature, or an echo that is not short printable ASCII. The signature
            does not cover it, so nothing is reflected that a browser could take for a page.
    """
    _check_signature(query.get("signature", ""), token, query)
    answer = query.get("echostr", "")
    if not 0 < len(answer) <= _MAX_ECHO_CHARS or not re.fullmatch("[0-9A-Za-z_+/=.-]+", answer):
        raise Rejected(RejectReason.MALFORMED)
    return answer


def seal(reply_xml: str, keys: Keys, *, now_s: int, nonce: str | None = None) -> str:
    """Encrypt and sign a passive reply: the XML envelope to answer the callback with.

    Made here and not by wechatpy, whose 16 bytes of salt come from `random.sample`, which an
    observer of other replies can predict. `nonce` is letters and digits, by default a fresh one.

    Raises:
        ValueError: a nonce with other characters.
    """
    nonce = secrets.token_hex(8) if nonce is None else nonce
    if not re.fullmatch("[0-9A-Za-z]{1,64}", nonce, re.ASCII):
        raise ValueError("the nonce of a WeChat reply must be 1 to 64 letters or digits")
    key = base64.b64decode(keys.aes_key + "=")
    words = reply_xml.encode()
    plain = secrets.token_bytes(16) + struct.pack(">I", len(words)) + words + keys.app_id.encode()
    pad = _PADDED_TO_BYTES - len(plain) % _PADDED_TO_BYTES
    aes = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    encrypted = base64.b64encode(aes.update(plain + bytes([pad]) * pad) + aes.finalize()).decode()
    return (
        f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{_digest(keys.token, str(now_s), nonce, encrypted)}]]>"
        f"</MsgSignature><TimeStamp>{now_s}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
    )


def _digest(*parts: str) -> str:
    # A query may hold lone surrogates; they must give a wrong digest, not an exception.
    joined = b"".join(sorted(part.encode("utf-8", "surrogatepass") for part in parts))
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()  # WeChat's choice


def _check_signature(given: str, token: str, query: Mapping[str, str], *more: str) -> None:
    expected = _digest(token, query.get("timestamp", ""), query.get("nonce", ""), *more)
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
        raise Rejected(RejectReason.SIGNATURE)


def _check_age(timestamp: str, now_s: int) -> None:
    # The signed parts are joined without lengths: with a fixed form of the timestamp, no digit
    # can wander between it and the nonce to make an old request look new.
    if not re.fullmatch("[0-9]{10}", timestamp, re.ASCII):
        raise Rejected(RejectReason.MALFORMED)
    if abs(now_s - int(timestamp)) > MAX_AGE_S:
        raise Rejected(RejectReason.STALE)


def _utf8(body: bytes) -> str:
    # Decoded before it is parsed: a declared encoding then cannot make defusedxml and wechatpy
    # read two different documents from the same bytes.
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        # `from None` here and below: the cause would carry the message into a log.
        raise Rejected(RejectReason.MALFORMED) from None


def _decrypted(envelope: Mapping[str, str], query: Mapping[str, str], keys: Keys) -> str:
    encrypted = envelope.get("Encrypt", "")
    if not encrypted:
        raise Rejected(RejectReason.MALFORMED)
    _check_signature(query.get("msg_signature", ""), keys.token, query, encrypted)
    aes_keys = [key for key in (keys.aes_key, keys.previous_aes_key) if key is not None]
    failed_keys = 0
    for aes_key in aes_keys:
        try:
            # A dict, so that wechatpy does not parse the envelope a second time.
            clear: str = WeChatCrypto(keys.token, aes_key, keys.app_id).decrypt_message(
                {"Encrypt": encrypted},
                query["msg_signature"],
                query["timestamp"],
                query.get("nonce", ""),
            )
        except InvalidAppIdException:
            continue
        except Exception:
            # wechatpy answers a wrong key or a forged padding with UnicodeDecodeError, ValueError,
            # struct.error, IndexError; none of them may become a 500 that WeChat sends again.
            failed_keys += 1
        else:
            return _NOT_XML.sub("", clear)
    raise Rejected(RejectReason.APP_ID if failed_keys < len(aes_keys) else RejectReason.UNDECRYPTABLE)


def _fields(text: str) -> dict[str, str]:
    """The texts of the elements right under `<xml>`; refuses DTDs, depth and ambiguity."""
    parser = DefusedXMLParser(target=_TopLevel(), forbid_dtd=True)
    try:
        parser.feed(text)
        fields = cast(dict[str, str], parser.close())  # what the target's close() returns
    except Rejected:
        raise
    except DefusedXmlException:
        raise Rejected(RejectReason.DTD) from None
    except Exception:  # expat and the parser around it raise several kinds
        raise Rejected(RejectReason.MALFORMED) from None
    return fields


class _TopLevel:
    """What the XML parser reports to: keeps names and texts of the first level only."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._depth = 0
        self._name = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH or (self._depth == 1 and tag != "xml"):
            raise Rejected(RejectReason.MALFORMED)
        if self._depth != 2:
            return
        # An attribute would make wechatpy read a mapping where it expects a text.
        if attributes or (tag in _SINGLE and tag in self.fields):
            raise Rejected(RejectReason.MALFORMED)
        self._name = tag
        self.fields[tag] = ""

    def data(self, text: str) -> None:
        if self._depth == 2:
            self.fields[self._name] += text

    def end(self, _tag: str) -> None:
        self._depth -= 1

    def close(self) -> dict[str, str]:
        return self.fields
