"""Acting as a person: type, tap, share a place, send a file. Each answers with what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from simulator import events, phone, samples, sound
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
    precision_m: float = Field(default=30.0, ge=0)


class FileKind(StrEnum):
    """What kind of file a person sends."""

    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    SHORTVIDEO = "shortvideo"


class Card(Act):
    """A page of the mini-program, shared into the chat."""

    kind: Literal["miniprogrampage"]
    title: str
    page: str


class ScanSomething(Act):
    """A menu button that scans any code."""

    kind: Literal["scancode_push", "scancode_waitmsg"]
    key: str
    result: str


class ChoosePlace(Act):
    """A menu button for a place: the event, then the location message."""

    kind: Literal["location_select"]
    key: str
    lat: Lat
    lng: Lng
    datum: Datum
    label: str = Field(default="", max_length=200)


class ChoosePictures(Act):
    """A menu button for pictures: the event, then that many pictures of this simulator's own."""

    kind: Literal["pic_sysphoto", "pic_photo_or_album", "pic_weixin"]
    key: str
    count: int = Field(default=1, ge=0, le=9)


class Sample(Act):
    """A file of this simulator's own: a picture, a voice of so many seconds, a film."""

    kind: Literal["sample"]
    file: FileKind = FileKind.IMAGE
    seconds: float = Field(default=2.4, gt=0, le=60)


class Anything(Act):
    """A message of any kind, with any fields: what nobody knows yet."""

    kind: Literal["anything"]
    msg_type: str = Field(min_length=1, max_length=40)
    fields: dict[str, str | int | float] = Field(default_factory=dict)


class AnyEvent(Act):
    """An event of any name, with any fields."""

    kind: Literal["event"]
    name: str = Field(min_length=1, max_length=60)
    fields: dict[str, str | int | float] = Field(default_factory=dict)


AnyAct = Annotated[
    Text
    | Location
    | Link
    | Click
    | View
    | Position
    | Card
    | ScanSomething
    | ChoosePlace
    | ChoosePictures
    | Sample
    | Anything
    | AnyEvent,
    Field(discriminator="kind"),
]


@router.post("/users/{user_id}/send")
async def post_send(body: AnyAct, user: TheUser, world: TheWorld) -> dict[str, Any]:
    """Do it, wait for the account (up to three deliveries), and tell what the person saw."""
    try:
        return (await _act(world, user, body)).as_json()
    except events.NotFollowing as refused:
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
    content = bytearray(await _as_recorded(kind, bytes(content)))
    content_type = sniff(bytes(content))
    # WeChat's own phones send no other types; a test that wants nonsense has the API's faults.
    if content_type is None:
        raise HTTPException(415, "post the bytes of a JPEG, PNG, GIF, BMP, AMR, MP3 or MP4 file")
    try:
        return (await phone.send_file(world, user, kind.value, bytes(content), content_type)).as_json()
    except events.NotFollowing as refused:
        raise HTTPException(409, str(refused)) from None


async def _as_recorded(kind: FileKind, content: bytes) -> bytes:
    """A voice that a browser recorded becomes what WeChat's recorder makes."""
    if kind is not FileKind.VOICE or sniff(content) is not None:
        return content
    try:
        return await sound.to_amr(content)
    except sound.NoSound as unheard:
        raise HTTPException(415, str(unheard)) from None


async def _act(world: World, user: User, act: AnyAct) -> Outcome:
    match act:
        case Text():
            return await phone.send_text(world, user, act.text, menu_id=act.menu_id)
        case Location():
            lat, lng = _gcj02(act)
            return await phone.send_location(world, user, lat, lng, label=act.label, scale=act.scale)
        case Link():
            return await phone.send_link(world, user, act.title, act.description, act.url)
        case Card():
            return await phone.send_card(world, user, act.title, act.page)
        case Sample():
            return await _send_sample(world, user, act)
        case Anything():
            return await phone.send_anything(world, user, act.msg_type, act.fields)
        case _:
            return await _tap(world, user, act)


async def _tap(
    world: World,
    user: User,
    act: Click | View | Position | ScanSomething | ChoosePlace | ChoosePictures | AnyEvent,
) -> Outcome:
    match act:
        case Click():
            return await events.click(world, user, act.key)
        case View():
            mini_program = act.kind == "view_miniprogram"
            return await events.view(world, user, act.target, mini_program=mini_program)
        case Position():
            return await events.report_position(world, user, act.lat, act.lng, act.precision_m)
        case ScanSomething():
            waits = act.kind == "scancode_waitmsg"
            return await events.scan_something(world, user, act.key, act.result, waits=waits)
        case ChoosePlace():
            lat, lng = _gcj02(act)
            await events.choose_place(world, user, act.key, lat, lng, act.label)
            return await phone.send_location(world, user, lat, lng, label=act.label)
        case ChoosePictures():
            return await _choose_pictures(world, user, act)
        case AnyEvent():
            return await events.tell(world, user, act.name, act.fields)


async def _choose_pictures(world: World, user: User, act: ChoosePictures) -> Outcome:
    pictures = [samples.picture(shade=number * 17) for number in range(act.count)]
    outcome = await events.choose_pictures(world, user, act.kind, act.key, pictures)
    for one in pictures:
        outcome = await phone.send_file(world, user, "image", one, "image/png")
    return outcome


async def _send_sample(world: World, user: User, act: Sample) -> Outcome:
    match act.file:
        case FileKind.IMAGE:
            content = samples.picture()
        case FileKind.VOICE:
            content = samples.voice(seconds=act.seconds)
        case _:
            content = samples.film()
    return await phone.send_file(world, user, act.file.value, content, sniff(content) or "")


def _gcj02(act: Location | ChoosePlace) -> tuple[float, float]:
    at = (act.lat, act.lng)
    return wgs84_to_gcj02(*at) if act.datum is Datum.WGS84 else at
