"""The whole world: reset, clock, faults, tokens, journal, the account, the sketch map, files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from simulator import sound, tokens
from simulator import world as worlds
from simulator.callbacks import verify_address
from simulator.control.access import TheWorld
from simulator.faults import ApiFault, CallbackFault, FaultBook
from simulator.files import find
from simulator.later import settle
from simulator.world import World

router = APIRouter(tags=["world"])


class Advance(BaseModel):
    """How far to move the clock that quotas and expiries are judged by."""

    advance_s: float = Field(gt=0, le=366 * 86400)


class Tokens(BaseModel):
    """What to do with an account's tokens: let them run out (42001) or take them back (40001)."""

    app_id: str | None = None
    how: str = Field(default="expire", pattern="^(expire|kill)$")


@router.post("/reset")
async def post_reset(world: TheWorld) -> dict[str, Any]:
    """Forget everything but the configuration; message ids go on."""
    worlds.reset(world)
    return {"ok": True}


@router.get("/clock")
async def get_clock(world: TheWorld) -> dict[str, Any]:
    """The clock, and how far it is ahead of the real one."""
    return {"now_s": world.clock.now(), "ahead_s": world.clock.ahead_s}


@router.post("/clock")
async def post_clock(body: Advance, world: TheWorld) -> dict[str, Any]:
    """Advance it. Timestamps of callbacks stay real."""
    world.clock.ahead_s += body.advance_s
    return await get_clock(world)


@router.get("/faults")
async def get_faults(world: TheWorld) -> dict[str, Any]:
    """What is still to go wrong."""
    return {
        "api": [fault.model_dump() for fault in world.faults.api],
        "callbacks": [fault.model_dump() for fault in world.faults.callbacks],
    }


@router.post("/faults/api", status_code=201)
async def post_api_fault(body: ApiFault, world: TheWorld) -> dict[str, Any]:
    """Let an endpoint misbehave."""
    world.faults.api.append(body)
    return await get_faults(world)


@router.post("/faults/callbacks", status_code=201)
async def post_callback_fault(body: CallbackFault, world: TheWorld) -> dict[str, Any]:
    """Let deliveries misbehave."""
    world.faults.callbacks.append(body)
    return await get_faults(world)


@router.delete("/faults")
async def delete_faults(world: TheWorld) -> dict[str, Any]:
    """Let everything work."""
    world.faults = FaultBook()
    return await get_faults(world)


@router.post("/tokens")
async def post_tokens(body: Tokens, world: TheWorld) -> dict[str, Any]:
    """Spoil the tokens of one account, or of both."""
    for account in world.accounts.values():
        if body.app_id in (None, account.app_id):
            if body.how == "expire":
                tokens.expire_all(account.families, world.clock.now())
            else:
                tokens.kill_all(account.families)
    return {"ok": True}


@router.get("/log")
async def get_log(
    world: TheWorld,
    after: int = 0,
    kind: str | None = None,
    path: str | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Requests in and out, in order, the last `limit` of them, and how often each thing was flagged."""
    found = list(world.journal.find(after=after, kind=kind, path=path))
    found = found[-limit:] if limit else found
    return {"entries": found, "last": world.journal.last, "flags": dict(world.journal.flags)}


@router.post("/verify")
async def post_verify(world: TheWorld) -> dict[str, Any]:
    """Check the callback address with an echo, as when it is entered in the account's console."""
    return await verify_address(world)


@router.post("/settle")
async def post_settle(world: TheWorld) -> dict[str, Any]:
    """Wait until everything that WeChat pushes by itself has been pushed."""
    await settle(world)
    return {"ok": True}


@router.get("/files/{media_id}")
async def get_file(
    media_id: str, world: TheWorld, wav: Annotated[Literal["wav"] | None, Query(alias="as")] = None
) -> Response:
    """A file without any token: what PicUrl and video_url lead to; a voice `as=wav`, which browsers play."""
    file = find(world.files, media_id, now=world.clock.now())
    if file is None:
        raise HTTPException(404, "no such file, or older than 3 days")
    # Whoever opens it in a browser must not run what somebody sent.
    guards = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
    if wav is not None and file.content_type == "audio/amr":
        try:
            return Response(await sound.to_wav(file.content), media_type="audio/wav", headers=guards)
        except sound.NoSound as unheard:
            raise HTTPException(415, str(unheard)) from None
    return Response(file.content, media_type=file.content_type, headers=guards)


@router.get("/sketch-map")
async def get_sketch_map(world: TheWorld) -> dict[str, Any]:
    """Where the map begins, and what is drawn on it (WGS-84); `problem` when it could not be read."""
    lat, lng = world.config.centre
    told: dict[str, Any] = {"centre": {"lat": lat, "lng": lng}, "geojson": None, "problem": None}
    try:
        told["geojson"] = await _sketch(world)
    except (OSError, ValueError, httpx.HTTPError) as problem:
        told["problem"] = f"the sketch map could not be read ({type(problem).__name__}); check sketch_map"
    return told


async def _sketch(world: World) -> Any:
    # Any: GeoJSON, drawn by the page, which takes what it knows.
    source = world.config.sketch_map
    if source is None:
        return None
    if source.startswith(("http://", "https://")):
        async with httpx.AsyncClient(timeout=5) as http:
            answer = await http.get(source)
            return answer.raise_for_status().json()
    return json.loads(await asyncio.to_thread(Path(source).read_text, "utf-8"))
