"""Where a sign-in comes from: a browser that signed this person in before, or anybody's network.

A browser that signed in holds a long random token (a cookie of its own, beside the session's); here only its
SHA-256 is kept, per person. Guesses from a known browser count against that browser alone, so that nobody
elsewhere can lock its owner out; guesses from elsewhere count against the account and the network they come
from. A network is a /24 (IPv4) or a /56 (IPv6, what one subscriber has), kept as an HMAC and never logged.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.kit.ids import new_id
from app.kit.secrets import hash_token, new_token

KNOWN_DAYS = 180
"""A browser is known so long after its last sign-in."""
KNOWN_MAX = 10
"""Browsers a person may have; the one not used for longest makes room."""
TOKEN_MAX = 200
IPV4_BITS, IPV6_BITS = 24, 56


@dataclass(frozen=True, slots=True)
class Source:
    """What a request shows of where it comes from. `network` by `network_of`; `device`: the browser's token."""

    network: str = ""
    device: str | None = None


def network_of(address: str | None) -> str:
    """The network of an address, in short: what is cut off is nobody's business. Empty when it is no address."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    bits = IPV4_BITS if known.version == 4 else IPV6_BITS
    return str(ipaddress.ip_network(f"{known}/{bits}", strict=False))


_KNOWN = text(f"""
    SELECT bool_or(person_id = CAST(:person_id AS uuid)) FROM devices
     WHERE token_hash = :hash AND used_at > clock_timestamp() - interval '{KNOWN_DAYS} days'
""")
_KEEP = text("""
    INSERT INTO devices (id, person_id, token_hash) VALUES (:id, :person_id, :hash)
    ON CONFLICT (person_id, token_hash) DO UPDATE SET used_at = clock_timestamp()
""")
_MAKE_ROOM = text(f"""
    DELETE FROM devices WHERE id IN (
        SELECT id FROM devices WHERE person_id = :person_id ORDER BY used_at DESC, id DESC OFFSET {KNOWN_MAX})
""")
_FORGET = text("DELETE FROM devices WHERE person_id = :person_id")


async def is_known(db: Db | MovesDb, person_id: UUID, token: str | None) -> bool:
    """Whether this browser has signed this person in, within 180 days."""
    return bool(await _known(db, person_id, token))


async def keep_device(db: Db, person_id: UUID, token: str | None) -> str:
    """Know this browser from now on; returns the token it must hold: its own, or a new one.

    One browser of a desk may serve several people under one token. A token that we did not give is not kept:
    somebody else may have planted it.
    """
    ours = await _known(db, person_id, token) is not None
    kept, hashed = (token, hash_token(token)) if ours and token else new_token()
    await db.execute(_KEEP, {"id": new_id(), "person_id": person_id, "hash": hashed})
    await db.execute(_MAKE_ROOM, {"person_id": person_id})
    return kept


async def forget_devices(db: Db, person_id: UUID) -> None:
    """No browser is this person's any more: a new password, a new TOTP secret, a suspension."""
    await db.execute(_FORGET, {"person_id": person_id})


async def _known(db: Db | MovesDb, person_id: UUID, token: str | None) -> bool | None:
    """True: this person's; False: a browser of ours, of others; None: nobody's."""
    if token is None or not 0 < len(token) <= TOKEN_MAX:
        return None
    values = {"person_id": person_id, "hash": hash_token(token)}
    answer: bool | None = (await db.execute(_KNOWN, values)).scalar_one()
    return answer
