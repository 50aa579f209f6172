"""Pagers: the ways to call an officer outside WeChat, each an adapter of `app.dispatch.pagers.Pager`.

None exists unless the settings name it. What leaves is a badge, a station's code, a number of the call and
words that say nothing of what, where or who; no name and no phone number.
"""

from __future__ import annotations

import httpx

from app.dispatch.pagers import Pager
from app.kit.runtime import Runtime
from pagers.loudspeaker import BOARD, BoardLoudspeaker, Loudspeaker
from pagers.police_app import PoliceApp
from pagers.sms import SmsGateway
from pagers.wecom import WeCom
from pagers.wire import open_http

__all__ = ["open_http", "pagers_of"]


def pagers_of(runtime: Runtime, http: httpx.AsyncClient) -> list[Pager]:
    """The pagers that the settings name, in the order in which they are tried."""
    s = runtime.settings
    found: list[Pager] = []
    if s.pager_police_app_url and s.pager_police_app_key:
        found.append(PoliceApp(http, s.pager_police_app_url, s.pager_police_app_key.get_secret_value()))
    if s.pager_wecom_corp_id and s.pager_wecom_agent_id and s.pager_wecom_secret:
        found.append(
            WeCom(
                http,
                s.pager_wecom_api_base,
                corp_id=s.pager_wecom_corp_id,
                agent_id=s.pager_wecom_agent_id,
                secret=s.pager_wecom_secret.get_secret_value(),
            )
        )
    if s.pager_sms_url and s.pager_sms_token:
        found.append(SmsGateway(http, s.pager_sms_url, s.pager_sms_token.get_secret_value()))
    if s.pager_loudspeaker_url == BOARD:
        found.append(BoardLoudspeaker(runtime))
    elif s.pager_loudspeaker_url:
        token = s.pager_loudspeaker_token.get_secret_value() if s.pager_loudspeaker_token else None
        found.append(Loudspeaker(http, s.pager_loudspeaker_url, token))
    return found
