"""The board as one simple page: files without a build, no inline script, a strict Content-Security-Policy."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse

from app.kit.errors import NotFound

STATIC = Path(__file__).parent / "static"
FILES = {
    "board.css": "text/css", "board.js": "text/javascript", "case.js": "text/javascript",
    "map.js": "text/javascript", "words.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}  # fmt: skip
"""What the page loads; nothing else is served."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def pages() -> APIRouter:
    """The page and its files, for `app.main` to mount at the root; not part of the API."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/console")
    @routes.get("/console/")
    async def to_board() -> RedirectResponse:
        """The only page there is."""
        return RedirectResponse("/console/board")

    @routes.get("/console/board")
    async def board() -> FileResponse:
        """The page."""
        return FileResponse(STATIC / "board.html", media_type="text/html", headers=HEADERS)

    @routes.get("/console/static/{name}")
    async def static(name: str) -> FileResponse:
        """A file of the page."""
        if name not in FILES:
            raise NotFound()
        return FileResponse(STATIC / name, media_type=FILES[name], headers=HEADERS)

    return routes
