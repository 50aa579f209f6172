"""Files that people sent to the account: implements `app.media.source.MediaSource` over WeChat's API."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx
import structlog

from app.kit.runtime import Runtime
from app.media.source import Fetched, Verdict
from wechat.client import WeChatClient, official_client
from wechat.errors import AnswerTooLarge, MediaElsewhere, Reading, WeChatRefused, WeChatUnreachable

log = structlog.get_logger()

VERDICTS: Final[dict[Reading, Verdict]] = {
    Reading.MEDIA_LOST: Verdict.GONE,
    Reading.BAD_CONTENT: Verdict.GONE,  # not a kind of file that WeChat gives out
    Reading.RETRY: Verdict.RETRY,
    Reading.WAIT_MINUTE: Verdict.RETRY,
    Reading.WAIT_QUOTA: Verdict.SPENT,
}
"""What a refusal means for one file; whatever is not here every file would meet: STOP."""

ALLOWED: Final = (".qq.com", ".qpic.cn")
"""Where WeChat keeps videos. Its answer names the host, and could be made to name another: a link leads there or nowhere."""


class WeChatMedia:
    """The port on the Official Account."""

    def __init__(self, client: WeChatClient, api_base: str) -> None:
        self._client = client
        self._own = _origin(urlsplit(api_base))

    async def fetch(self, source_id: str, *, max_bytes: int) -> Fetched:
        """The file of a media id; of a video WeChat tells where it is, and it is fetched there."""
        try:
            return Fetched(Verdict.FETCHED, await self._fetch(source_id, max_bytes))
        except WeChatRefused as refused:
            return Fetched(VERDICTS.get(refused.reading, Verdict.STOP), code=refused.code)
        except AnswerTooLarge:
            return Fetched(Verdict.TOO_LARGE)
        except WeChatUnreachable:
            return Fetched(Verdict.RETRY)

    async def _fetch(self, source_id: str, max_bytes: int) -> bytes:
        try:
            content, _ = await self._client.media_get(source_id, max_bytes=max_bytes)
            return content
        except MediaElsewhere as elsewhere:
            if not self._allows(elsewhere.url):
                log.error("wechat_video_elsewhere", host=urlsplit(elsewhere.url).hostname)
                raise WeChatUnreachable(
                    "media_elsewhere", sent=False, cause="a host that is not WeChat's"
                ) from None
            return await self._client.video_at(elsewhere.url, max_bytes=max_bytes)

    def _allows(self, url: str) -> bool:
        to = urlsplit(url)
        if to.scheme not in ("http", "https") or to.username is not None:
            return False
        try:
            return _origin(to) == self._own or (
                to.port in (None, 80, 443) and (to.hostname or "").endswith(ALLOWED)
            )
        except ValueError:  # a port that is no number
            return False


def _origin(to: SplitResult) -> tuple[str, int]:
    """Host and port; the simulator calls this machine by more than one name."""
    host = to.hostname or ""
    return ("localhost" if host == "127.0.0.1" else host, to.port or (443 if to.scheme == "https" else 80))


def wechat_media(runtime: Runtime, http: httpx.AsyncClient) -> WeChatMedia:
    """The port for the account of the settings."""
    return WeChatMedia(official_client(runtime, http), runtime.settings.wechat_api_base)
