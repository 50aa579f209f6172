"""Acting as a person: type, tap, share a place, send a file. Each answers with what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from simulator import phone
from simulator.callbacks import Outcome
from simulator.control.access import TheUser, TheWorld
from simulator.files import sniff
from simulator.geo import wgs84_to_gcj02
from simulator.world import User, World

router = APIRouter(tags=["acting as a person"])
MOST_BYTES = 20 * 1024 * 1024

Lat = Annotated[float, Field(ge=-90, le=90)]
Lng = Annotated[float, Field(ge=-180, le=180)]


class Act(BaseModel):
    """Something a person does."""

    model_config = ConfigDict(extra="forbid")


class Text(Act):
    """Words; `menu_id` when they come from tapping an item of a menu message."""

    kind: Literal["text"]
    text: str = Field(min_length=1, max_length=20_000)
    menu_id: str | None = None


class Datum(StrEnum):
    """What the degrees mean."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"


class Location(Act):
    """A place, in the datum that is stated; the account always gets GCJ-02."""

    kind: Literal["location"]
    lat: Lat
    lng: Lng
    datum: Datum
    label: str = Field(default="", max_length=200)
    scale: int = Field(default=16, ge=1, le=20)


class Link(Act):
    """A shared link."""

    kind: Literal["link"]
    title: str
    description: str = ""
    url: str


class Click(Act):
    """A menu button of type click."""

    kind: Literal["click"]
    key: str


class View(Act):
    """A menu button that opens a page, or one of the mini-program's."""

    kind: Literal["view", "view_miniprogram"]
    target: str


class Position(Act):
    """The position WeChat tells by itself; the degrees are sent as they are."""

    kind: Literal["position"]
    lat: Lat
    lng: Lng
    precision_m: float = Field(default=30, ge=0)


AnyAct = Annotated[Text | Location | Link | Click | View | Position, Field(discriminator="kind")]


class FileKind(StrEnum):
    """What kind of file a person sends."""

    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    SHORTVIDEO = "shortvideo"


@router.post("/users/{user_id}/send")
async def post_send(body: AnyAct, user: TheUser, world: TheWorld) -> dict[str, Any]:
    """Do it, wait for the account (up to three deliveries), and tell what the person saw."""
    try:
        return (await _act(world, user, body)).as_json()
    except phone.NotFollowing as refused:
        raise HTTPException(409, str(refused)) from None


@router.post("/users/{user_id}/files")
async def post_file(
    request: Request, user: TheUser, world: TheWorld, kind: FileKind = FileKind.IMAGE
) -> dict[str, Any]:
    """Send the posted bytes as a picture, voice or video."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise HTTPException(413, f"a file has at most {MOST_BYTES} bytes")
    content_type = sniff(bytes(content))
    # WeChat's own phones send no other types; a test that wants nonsense has the API's faults.
    if content_type is None:
        raise HTTPException(415, "post the bytes of a JPEG, PNG, GIF, BMP, AMR, MP3 or MP4 file")
    try:
        return (await phone.send_file(world, user, kind.value, bytes(content), content_type)).as_json()
    except phone.NotFollowing as refused:
        raise HTTPException(409, str(refused)) from None


async def _act(world: World, user: User, act: Act) -> Outcome:
    match act:
        case Text():
            return await phone.send_text(world, user, act.text, menu_id=act.menu_id)
        case Location():
            at = (act.lat, act.lng)
            lat, lng = wgs84_to_gcj02(*at) if act.datum is Datum.WGS84 else at
            return await phone.send_location(world, user, lat, lng, label=act.label, scale=act.scale)
        case Link():
            return await phone.send_link(world, user, act.title, act.description, act.url)
        case Click():
            return await phone.click(world, user, act.key)
        case View():
            mini_program = act.kind == "view_miniprogram"
            return await phone.view(world, user, act.target, mini_program=mini_program)
        case Position():
            return await phone.report_position(world, user, act.lat, act.lng, act.precision_m)
    raise TypeError(f"nobody knows how to do {type(act).__name__}")
