"""Notices by customer-service message of the Official Account: WeChat's answers read as outcomes.

The table of `wechat.errors` says what a refusal means; here stands what it means for the ledger of
notices. A reading without a row ends the delivery: a person must look.
"""

from __future__ import annotations

import random
from typing import Final

from app.kit.runtime import Runtime
from app.notices.queries import quota_renewed_in_s
from app.notices.sender import Letter, Outcome, Verdict
from app.people.identity import openid_of
from wechat.client import WeChatClient
from wechat.errors import AnswerTooLarge, Reading, WeChatRefused, WeChatUnreachable

VERDICTS: Final[dict[Reading, Verdict]] = {
    Reading.DONE: Verdict.SENT,
    Reading.RETRY: Verdict.RETRY,
    Reading.ONE_BY_ONE: Verdict.SOON,
    # The account's troubles, not the person's: everybody would meet them, so nobody is written to for a while.
    Reading.REFRESH: Verdict.STOP,
    Reading.WAIT_MINUTE: Verdict.STOP,
    Reading.WAIT_QUOTA: Verdict.STOP,
    Reading.OPERATOR: Verdict.STOP,
    Reading.WINDOW_CLOSED: Verdict.NO_WINDOW,
    Reading.REFUSED_BY_PERSON: Verdict.REFUSED,
    Reading.NOT_FOLLOWING: Verdict.REFUSED,
}
"""Reading to verdict; whatever is not here is DEAD."""

_MINUTE_S: Final = 60.0
_OPERATOR_S: Final = 300.0  # how soon a mended setting is noticed
_JITTER_S: Final = 15.0


class WeChatSender:
    """The port `app.notices.sender.Sender` on the Official Account."""

    def __init__(self, runtime: Runtime, client: WeChatClient) -> None:
        self._runtime = runtime
        self._client = client

    async def send(self, letter: Letter) -> Outcome:
        """Send a text once. Somebody without an openid at our Official Account is REFUSED, `no_openid`."""
        async with self._runtime.database.moves() as db:
            app_id = self._runtime.settings.wechat_app_id
            openid = await openid_of(db, self._runtime, letter.person_id, app_id)
        if openid is None:
            return Outcome(Verdict.REFUSED, reading="no_openid")
        try:
            await self._client.send_text(openid, letter.words)
        except WeChatRefused as refused:
            return await self._read(refused)
        except WeChatUnreachable as unreachable:
            verdict = Verdict.UNCERTAIN if unreachable.sent else Verdict.RETRY
            return Outcome(verdict, reading="unreachable")
        except AnswerTooLarge:
            return Outcome(Verdict.UNCERTAIN, reading="answer_too_large")
        return Outcome(Verdict.SENT)

    async def _read(self, refused: WeChatRefused) -> Outcome:
        verdict = VERDICTS.get(refused.reading, Verdict.DEAD)
        stop_s = await self._stop_s(refused.reading) if verdict is Verdict.STOP else None
        return Outcome(verdict, refused.code, str(refused.reading), stop_s)

    async def _stop_s(self, reading: Reading) -> float:
        """How long the account is left alone; the jitter keeps workers from coming back at once."""
        jitter_s = random.uniform(0, _JITTER_S)
        if reading is Reading.OPERATOR:
            return _OPERATOR_S + jitter_s
        if reading is not Reading.WAIT_QUOTA:
            return _MINUTE_S + jitter_s
        async with self._runtime.database.moves() as db:
            return await quota_renewed_in_s(db) + jitter_s
