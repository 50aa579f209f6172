"""What a person sees, as it comes: a list to ask for, with waiting, and a socket."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from simulator.chat import Chat, Entry, wait_after
from simulator.control.access import TheUser, TheWorld
from simulator.world import User, World

router = APIRouter(tags=["what a person sees"])


@router.get("/users/{user_id}/messages")
async def get_messages(
    user: TheUser,
    after: int = 0,
    wait_s: Annotated[float, Query(ge=0, le=60)] = 0,
) -> dict[str, Any]:
    """Entries above `after`, oldest first; with `wait_s`, waits so long for the first."""
    found = await wait_after(user.chat, after, wait_s=wait_s) if wait_s else user.chat.after(after)
    return {"entries": [entry.as_json() for entry in found], "last": user.chat.last}


@router.websocket("/users/{user_id}/stream")
async def stream(socket: WebSocket, user: TheUser, world: TheWorld, after: int = 0) -> None:
    """Frames `{"entries": [...], "typing": bool}`: at once what is above `after`, then what comes."""
    await socket.accept()
    telling = asyncio.create_task(_tell(socket, world, user, after))
    listening = asyncio.create_task(_until_closed(socket))
    try:
        await asyncio.wait({telling, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (telling, listening):
            task.cancel()
        await asyncio.gather(telling, listening, return_exceptions=True)


async def _tell(socket: WebSocket, world: World, user: User, after: int) -> None:
    while True:
        found = user.chat.after(after)
        after = found[-1].seq if found else after
        await socket.send_json(_frame(found, typing=user.chat.typing_until > world.clock.now()))
        await _changed(user.chat, after, world)


async def _changed(chat: Chat, after: int, world: World) -> None:
    """Wait for an entry, a typing mark, or the end of one."""
    if chat.last > after:
        return
    left_s = chat.typing_until - world.clock.now()
    try:
        async with asyncio.timeout(left_s if left_s > 0 else None):
            await chat.changed()
    except TimeoutError:
        return


async def _until_closed(socket: WebSocket) -> None:
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        return


def _frame(entries: list[Entry], *, typing: bool) -> dict[str, Any]:
    return {"entries": [entry.as_json() for entry in entries], "typing": typing}
