"""The receipt in the chat: one line with a link to its check and to its QR code."""

from __future__ import annotations

from uuid import UUID

from app.receipts.service import link_of, receipt_of
from wechat.replies import Line
from wechat.turn import Turn

RECEIPT = Line(
    '<a href="{link}">电子回执</a>（<a href="{link}/qr.svg">二维码</a>）',
    '<a href="{link}">Receipt</a> (<a href="{link}/qr.svg">QR code</a>)',
)


async def lines(turn: Turn, case_id: UUID) -> list[str]:
    """The line about the receipt of a case, or none when it has no receipt."""
    kept = await receipt_of(turn.db, turn.runtime, case_id)
    return [turn.say(RECEIPT, link=link_of(turn.runtime.settings, kept.receipt))] if kept else []
