"""What is decoded, and what is refused; always in a child that harms nobody."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import av
import pytest
from PIL import Image

from app.media.check import Checked, check
from app.media.states import MediaKind, Reason
from tests.app.media import samples


def shown(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


async def test_a_photo_is_served_without_place_device_and_comment() -> None:
    sent = samples.jpeg()
    assert shown(sent).getexif().get_ifd(0x8825)[2] == samples.GPS  # it was there

    checked = await check(sent, MediaKind.IMAGE)

    copy = shown(checked.served)
    assert (checked.refused, checked.original_type, checked.served_type) == (None, "image/jpeg", "image/jpeg")
    assert dict(copy.getexif()) == {}
    assert copy.getexif().get_ifd(0x8825) == {}
    assert "comment" not in copy.info
    for secret in (b"Secret", b"secret", b"Exif", b"GPS"):
        assert secret not in checked.served


async def test_a_photo_held_upright_is_served_upright() -> None:
    checked = await check(samples.jpeg(size=(60, 40), orientation=6), MediaKind.IMAGE)

    copy = shown(checked.served)
    assert (checked.width, checked.height) == copy.size == (40, 60)
    red, _, blue = copy.getpixel((35, 30))  # what was above is on the right
    assert red > 200 > 60 > blue


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP"])
async def test_every_format_of_pictures_is_served_as_jpeg(kind: str) -> None:
    checked = await check(samples.picture(kind), MediaKind.IMAGE)

    assert (checked.original_type, checked.served_type) == (f"image/{kind.lower()}", "image/jpeg")
    assert shown(checked.served).format == "JPEG"


async def test_a_bomb_of_a_png_is_refused_before_it_is_unpacked() -> None:
    bomb = samples.png_of(20_000, 10_000, filled=True)
    assert len(bomb) < 300_000

    assert (await check(bomb, MediaKind.IMAGE)).refused is Reason.TOO_LARGE


async def test_a_header_of_100_megapixels_is_refused() -> None:
    assert (
        await check(samples.png_of(10_000, 10_000, filled=False), MediaKind.IMAGE)
    ).refused is Reason.TOO_LARGE


async def test_a_polyglot_loses_what_follows_the_picture() -> None:
    tail = io.BytesIO()
    with zipfile.ZipFile(tail, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")
    polyglot = samples.jpeg() + b"<html><script>alert(1)</script></html>" + tail.getvalue()
    assert zipfile.is_zipfile(io.BytesIO(polyglot))

    checked = await check(polyglot, MediaKind.IMAGE)

    assert checked.refused is None
    assert not zipfile.is_zipfile(io.BytesIO(checked.served))
    assert b"script" not in checked.served
    assert b"PK\x03\x04" not in checked.served


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (samples.jpeg()[:400], MediaKind.IMAGE, Reason.UNREADABLE),
        (b"<html><script>alert(1)</script></html>", MediaKind.IMAGE, Reason.WRONG_TYPE),
        (b"", MediaKind.IMAGE, Reason.WRONG_TYPE),
        (samples.mp4(), MediaKind.IMAGE, Reason.WRONG_TYPE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", MediaKind.IMAGE, Reason.WRONG_TYPE),
        (samples.jpeg(), MediaKind.VOICE, Reason.WRONG_TYPE),
        (b"#!AMR\n", MediaKind.VOICE, Reason.UNREADABLE),
        (b"#!SILK_V3\x00\x00", MediaKind.VOICE, Reason.CODEC),
        (b"#EXTM3U\nfile:///etc/passwd\n", MediaKind.VOICE, Reason.WRONG_TYPE),
        pytest.param(samples.amr(181), MediaKind.VOICE, Reason.TOO_LONG, marks=pytest.mark.slow),
        (samples.amr(), MediaKind.VIDEO, Reason.WRONG_TYPE),
        (samples.mp4()[:1200], MediaKind.VIDEO, Reason.UNREADABLE),
        (b"\x00\x00\x00\x18ftypisom" + bytes(500), MediaKind.SHORTVIDEO, Reason.UNREADABLE),
    ],
)
async def test_what_is_not_what_it_should_be_is_refused_by_its_content(
    content: bytes, kind: MediaKind, reason: Reason
) -> None:
    checked = await check(content, kind)

    assert (checked.refused, checked.served) == (reason, b"")


async def test_a_voice_in_amr_is_served_as_mp3_of_the_same_length() -> None:
    checked = await check(samples.amr(2), MediaKind.VOICE)

    assert (checked.original_type, checked.served_type, checked.duration_ms) == (
        "audio/amr",
        "audio/mpeg",
        2000,
    )
    with av.open(io.BytesIO(checked.served)) as heard:
        [stream] = heard.streams
        assert (heard.format.name, stream.codec_context.name, dict(heard.metadata)) == ("mp3", "mp3float", {})
        samples_heard = sum(frame.samples for frame in heard.decode(stream))
    assert samples_heard / 16_000 == pytest.approx(2.0, abs=0.25)  # an encoder's lead-in and last frame


async def test_a_video_keeps_film_and_sound_and_nothing_else() -> None:
    sent = samples.mp4() + b"PK\x03\x04 secret tail"

    checked = await check(sent, MediaKind.VIDEO)

    assert (checked.refused, checked.served_type, checked.width, checked.height) == (
        None,
        "video/mp4",
        64,
        48,
    )
    for secret in (b"secret", b"Secret", b"loci", b"PK\x03\x04"):
        assert secret in sent
        assert secret not in checked.served
    assert checked.served.index(b"moov") < checked.served.index(b"mdat")  # it plays before it is whole
    with av.open(io.BytesIO(checked.served)) as film:
        assert set(film.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
        assert [stream.type for stream in film.streams] == ["video", "audio"]
        assert sum(1 for _ in film.decode(video=0)) == 25


async def test_a_video_held_upright_stays_upright() -> None:
    checked = await check(samples.mp4(rotated=True), MediaKind.VIDEO)

    with av.open(io.BytesIO(checked.served)) as film:
        assert abs(next(film.decode(video=0)).rotation) == 90


async def test_a_child_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    stuck = tmp_path / "stuck.py"
    stuck.write_text(f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n")

    checked = await check(b"x", MediaKind.IMAGE, timeout_s=1.0, program=stuck)

    assert checked.refused is Reason.TOO_MUCH_WORK
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


@pytest.mark.parametrize(
    "greed",
    [
        "x = bytearray(3 << 30)",
        "open('/tmp/didi-never', 'wb').write(b'x')",
        "import os\nos.kill(os.getpid(), 9)",
    ],
)
async def test_greed_of_the_decoder_ends_with_the_child(greed: str, tmp_path: Path) -> None:
    greedy = tmp_path / "greedy.py"
    decode = Path(__file__).parents[3] / "app" / "media" / "decode.py"
    greedy.write_text(
        f"import importlib.util\nspec = importlib.util.spec_from_file_location('decode', {str(decode)!r})\n"
        f"decode = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(decode)\ndecode.limit()\n{greed}\n"
    )

    checked = await check(b"x", MediaKind.IMAGE, program=greedy)

    assert checked.refused in (Reason.UNREADABLE, Reason.TOO_MUCH_WORK)
    assert not Path("/tmp/didi-never").exists() or Path("/tmp/didi-never").stat().st_size == 0


async def test_a_child_that_was_taken_over_opens_no_file_and_calls_nobody(tmp_path: Path) -> None:
    decode = Path(__file__).parents[3] / "app" / "media" / "decode.py"
    taken = tmp_path / "taken.py"
    taken.write_text(f"""
import importlib.util, json, os, socket, sys
spec = importlib.util.spec_from_file_location('decode', {str(decode)!r})
decode = importlib.util.module_from_spec(spec)
spec.loader.exec_module(decode)
tries = {{
    'read': lambda: open({str(decode)!r}, 'rb'), 'parent': lambda: open(f'/proc/{{os.getppid()}}/environ', 'rb'),
    'call': socket.socket, 'list': lambda: os.open('/', os.O_RDONLY), 'pipe': os.pipe, 'copy': lambda: os.dup(1),
}}
def works(what):
    try:
        what()
    except OSError:
        return False
    return True
before = [name for name, what in tries.items() if works(what)]
decode.limit()
after = [name for name, what in tries.items() if works(what)]
sys.stdout.write(json.dumps({{'type': 'image/png', 'served_type': 'image/jpeg'}}) + chr(10) + json.dumps([before, after]))
""")

    before, after = json.loads((await check(b"x", MediaKind.IMAGE, program=taken)).served)

    assert {"read", "call", "list", "pipe", "copy"} <= set(before)
    assert after == []


@pytest.mark.parametrize(
    "said",
    [
        '{"type": "image/png", "served_type": "text/html"}\n<script>',
        '{"type": "<script>", "served_type": "image/jpeg"}\n',
        '{"type": "image/png", "served_type": "image/jpeg", "width": 1e300}\n',
        '{"refused": "because"}\n',
        "[]\n",
        "",
    ],
)
async def test_a_child_that_was_taken_over_is_not_believed(said: str, tmp_path: Path) -> None:
    babbling = tmp_path / "babbling.py"
    babbling.write_text(f"import sys\nsys.stdout.write({said!r})\n")

    assert await check(b"x", MediaKind.IMAGE, program=babbling) == Checked(refused=Reason.UNREADABLE)


async def test_a_child_that_says_too_much_is_stopped(tmp_path: Path) -> None:
    flooding = tmp_path / "flooding.py"
    flooding.write_text("import sys\nwhile True:\n    sys.stdout.buffer.write(bytes(1 << 20))\n")

    assert (await check(b"x", MediaKind.IMAGE, program=flooding)).refused is Reason.TOO_MUCH_WORK


async def test_the_child_is_given_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIDI_SECRET_KEYS", "secret")
    curious = tmp_path / "curious.py"
    facts = {"type": "image/png", "served_type": "image/jpeg"}
    curious.write_text(
        f"import json, os, sys\nsys.stdout.write(json.dumps({facts!r}) + chr(10) + json.dumps(dict(os.environ)))\n"
    )

    checked = await check(b"x", MediaKind.IMAGE, program=curious)

    assert set(json.loads(checked.served)) <= {"LC_ALL"}
