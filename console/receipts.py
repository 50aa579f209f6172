"""The public check of receipts: valid or not, and nothing else. Works without script, cookie and store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from app.kit import qr
from app.kit.errors import NotFound
from app.receipts.proof import is_valid
from app.receipts.service import PAGE, link_of, public_keys
from app.settings import Settings

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address is the receipt
    "Cache-Control": "no-store",
}
_STYLE = """:root { color-scheme: light dark; }
body { font: 1.125rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.25rem; }
h1 { font-size: 1.125rem; font-weight: 500; }
.verdict { font-size: 2rem; font-weight: 700; }
form { margin-top: 3rem; }
label { display: block; }
input { font: inherit; box-sizing: border-box; width: 100%; padding: .6rem; }
button { font: inherit; margin-top: .75rem; padding: .6rem 1.5rem; }
"""
_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>回执核验 · Check a receipt</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="{page}/style.css"></head>
<body><main><h1>回执核验 <span lang="en">· Check a receipt</span></h1>{verdict}
<form action="{page}" method="get"><label for="receipt">回执 <span lang="en">· Receipt</span></label>
<input id="receipt" name="receipt" maxlength="400" autocomplete="off" spellcheck="false">
<button>核验 <span lang="en">· Check</span></button></form></main></body></html>
"""
_VALID = '<p class="verdict">有效 <span lang="en">· Valid</span></p>'
_NOT_VALID = '<p class="verdict">无效 <span lang="en">· Not valid</span></p>'


def pages(settings: Settings) -> APIRouter:
    """The page, the QR code of a valid receipt and the public key, for `app.main` to mount at the root."""
    keys = public_keys(settings)
    routes = APIRouter(include_in_schema=False)

    def page(receipt: str | None) -> Response:
        verdict = "" if receipt is None else _VALID if is_valid(receipt, keys) else _NOT_VALID
        return HTMLResponse(_PAGE.format(page=PAGE, verdict=verdict), headers=HEADERS)

    @routes.get(PAGE)
    async def get_page(receipt: Annotated[str | None, Query()] = None) -> Response:
        """The form, or what it was asked."""
        return page(receipt)

    @routes.get(f"{PAGE}/style.css")
    async def get_style() -> Response:
        """How it looks."""
        return Response(_STYLE, media_type="text/css", headers=HEADERS)

    @routes.get(f"{PAGE}/key")
    async def get_key() -> Response:
        """The public keys as 64 hex digits each, the present one first."""
        return PlainTextResponse("".join(f"{key.hex()}\n" for key in keys), headers=HEADERS)

    @routes.get(f"{PAGE}/{{receipt}}")
    async def get_verdict(receipt: str) -> Response:
        """Valid or not."""
        return page(receipt)

    @routes.get(f"{PAGE}/{{receipt}}/qr.svg")
    async def get_qr(receipt: str) -> Response:
        """The link of a valid receipt as QR; there is none of anything else."""
        if not is_valid(receipt, keys):
            raise NotFound()
        return Response(qr.svg(link_of(settings, receipt)), media_type="image/svg+xml", headers=HEADERS)

    return routes
