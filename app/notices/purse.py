"""What one notice costs on each channel: a message of the person's window, or a grant of their consent."""

from __future__ import annotations

from app.kit.database import Db
from app.kit.runtime import Runtime
from app.notices.budget import close_windows, give_back, spend
from app.notices.consents import put_back, refuse, spend_consent
from app.notices.ready import template_of
from app.notices.rules import Delivery, kept_for_higher
from app.notices.tables import Channel


async def take(db: Db, runtime: Runtime, d: Delivery) -> str | None:
    """Pay for one send; None when it is paid, else why not. What a higher notice will need is left."""
    if d.channel is Channel.OFFICIAL_ACCOUNT:
        keep = await kept_for_higher(db, d.person_id, d.priority)
        return None if await spend(db, d.person_id, d.channel, keep=keep) else "no_budget"
    template_id = _by_consent(runtime, d)
    if template_id is None:
        return None
    keep = 0 if _of_its_own(runtime, d) else await kept_for_higher(db, d.person_id, d.priority)
    paid = await spend_consent(db, d.person_id, d.channel, template_id, keep=keep)
    return None if paid else "no_consent"


async def return_it(db: Db, runtime: Runtime, d: Delivery) -> None:
    """Nothing was sent: the person's window or consent is as before."""
    if d.channel is Channel.OFFICIAL_ACCOUNT:
        await give_back(db, d.person_id, d.channel)
    elif template_id := _by_consent(runtime, d):
        await put_back(db, d.person_id, d.channel, template_id)


async def empty(db: Db, runtime: Runtime, d: Delivery) -> None:
    """WeChat says that nothing is left, whatever we counted."""
    if d.channel is Channel.OFFICIAL_ACCOUNT:
        await close_windows(db, d.person_id, d.channel)
    elif template_id := _by_consent(runtime, d):
        await refuse(db, d.person_id, d.channel, template_id)


def _by_consent(runtime: Runtime, d: Delivery) -> str | None:
    """The template whose consent pays; None: the channel asks for none."""
    template = template_of(runtime, d.channel, d.kind)
    if template is None or (d.channel is Channel.TEMPLATE and not template.notice):
        return None
    return template.id


def _of_its_own(runtime: Runtime, d: Delivery) -> bool:
    """Whether no other kind uses this template: then nothing is kept for others."""
    settings = runtime.settings
    templates = settings.wechat_templates if d.channel is Channel.TEMPLATE else settings.miniprogram_templates
    mine = template_of(runtime, d.channel, d.kind)
    return mine is not None and sum(t.id == mine.id for t in templates.values()) == 1 and d.kind in templates
