"""WeChat's events about notices: consent given or withdrawn, and what became of a notice it took.

None is answered. Consents at the Official Account come from here alone. The mini-program's come from its own push
(`wechat.miniprogram_push`) where that is set up, else from its client (`POST /miniprogram/v1/me/subscriptions`).
"""

from __future__ import annotations

from typing import Final

from app.kit.database import Db
from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.notices.confirm import ARRIVED, confirm
from app.notices.consents import allow, refuse
from app.notices.ready import is_lasting
from app.people.identity import citizen_of
from wechat.errors import read_code
from wechat.messages import SubscriptionEvent, SubscriptionItem, TemplateSentEvent

NOTICE_EVENTS: Final = (TemplateSentEvent, SubscriptionEvent)
_FAILED: Final = {"failed:userblock": "user_block", "failed:systemfailed": "system_failed"}
_STATUS_MAX: Final = 40


async def note_event(
    db: Db,
    runtime: Runtime,
    event: TemplateSentEvent | SubscriptionEvent,
    channel: Channel = Channel.TEMPLATE,
) -> None:
    """Write down what the event says; one of a template or a message that is not ours changes nothing.

    `channel`: TEMPLATE for events of the Official Account, SUBSCRIPTION for the mini-program's.
    """
    if isinstance(event, TemplateSentEvent):
        said = event.status.replace(" ", "").lower()
        status = ARRIVED if said == "success" else _FAILED.get(said, "failed")
        await confirm(db, runtime, Channel.TEMPLATE, event.message_id, status)
        return
    if event.kind == "sent":
        for item in event.items:
            await _note_sent(db, runtime, item, channel)
        return
    settings = runtime.settings
    app_id = settings.wechat_app_id if channel is Channel.TEMPLATE else settings.miniprogram_app_id
    person = await citizen_of(db, runtime, app_id=app_id, openid=event.sender)
    for item in event.items:
        if item.status == "accept" and event.kind == "popup":
            lasting = is_lasting(runtime, channel, item.template_id)
            if lasting is not None:
                await allow(db, person.id, channel, item.template_id, lasting=lasting)
        elif item.status == "reject":
            await refuse(db, person.id, channel, item.template_id)


async def _note_sent(db: Db, runtime: Runtime, item: SubscriptionItem, channel: Channel) -> None:
    if not item.message_id or not item.status.lstrip("-").isdecimal():
        return
    code = int(item.status)
    status = ARRIVED if code == 0 else str(read_code(code).reading)[:_STATUS_MAX]
    await confirm(db, runtime, channel, item.message_id, status, code=code or None)
