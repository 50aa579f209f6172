"""A push on its way: the address with its signatures, the body in the clear or sealed, spoiled when asked to."""

from __future__ import annotations

import json
import secrets
import time

from simulator.config import Form, Inbox, Mode
from simulator.crypto import encrypt, signature
from simulator.faults import CallbackFault, CallbackFaultKind
from simulator.messages import Push, cdata, padded


def envelope(
    inbox: Inbox, push: Push, *, openid: str, stranger: str, fault: CallbackFault | None
) -> tuple[dict[str, str], bytes]:
    """Query and body of one delivery, each with a nonce of its own. `stranger` is another account's app id."""
    kind = fault.kind if fault else None
    age_s = fault.age_s if fault and kind is CallbackFaultKind.STALE else 0
    clear = push.json() if inbox.form is Form.JSON else push.xml()
    if fault and kind is CallbackFaultKind.OVERSIZE:
        clear = padded(push.xml(), fault.size_bytes)
    stamp, nonce = str(int(time.time()) - age_s), new_nonce()
    query = {"timestamp": stamp, "nonce": nonce, "openid": openid}
    query["signature"] = signature(inbox.token, stamp, nonce)
    body = clear
    if inbox.mode is not Mode.PLAIN:
        owner = stranger if kind is CallbackFaultKind.WRONG_APP_ID else inbox.app_id
        sealed = encrypt(clear, aes_key=inbox.aes_key, app_id=owner)
        query["encrypt_type"] = "aes"
        query["msg_signature"] = signature(inbox.token, stamp, nonce, sealed)
        body = _sealed(inbox, clear, sealed)
    if kind is CallbackFaultKind.BAD_SIGNATURE:
        broken = "signature" if inbox.mode is Mode.PLAIN else "msg_signature"
        query[broken] = signature(query[broken])
    return query, body.encode()


def new_nonce() -> str:
    """Nine digits."""
    return str(secrets.randbelow(9 * 10**8) + 10**8)


def _sealed(inbox: Inbox, clear: str, sealed: str) -> str:
    both = inbox.mode is Mode.COMPATIBLE
    if inbox.form is Form.JSON:
        seen = json.loads(clear) if both else {"ToUserName": inbox.original_id}
        return json.dumps({**seen, "Encrypt": sealed}, ensure_ascii=False)
    if both:
        return clear.removesuffix("</xml>") + f"<Encrypt>{cdata(sealed)}</Encrypt></xml>"
    return f"<xml><ToUserName>{cdata(inbox.original_id)}</ToUserName><Encrypt>{cdata(sealed)}</Encrypt></xml>"
