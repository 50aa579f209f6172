"""A person took back at WeChat what they had authorised: what we hold by that is withdrawn, on record."""

from __future__ import annotations

from app.audit.service import record_act
from app.kit.database import Db
from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.notices.consents import refuse_all
from app.people.identity import person_by_openid, withdraw_consent
from app.people.sessions import PersonKind
from wechat.messages import AuthorizationRevokedEvent


async def withdraw(
    db: Db, runtime: Runtime, event: AuthorizationRevokedEvent, channel: Channel = Channel.TEMPLATE
) -> None:
    """Name, phone and consents to notices of that account go, whichever authorisation it was; of a stranger nothing.

    An officer's name and phone are not theirs by WeChat, and stay. `channel`: TEMPLATE for the Official Account,
    SUBSCRIPTION for the mini-program.
    """
    settings = runtime.settings
    app_id = settings.wechat_app_id if channel is Channel.TEMPLATE else settings.miniprogram_app_id
    person = await person_by_openid(db, runtime, app_id=app_id, openid=event.person)
    if person is None:
        return
    await refuse_all(db, person.id, channel)
    if person.kind is PersonKind.CITIZEN:
        await withdraw_consent(db, person.id)
    await record_act(
        db, actor_id=person.id, action="authorisation_revoked", object_kind="person", object_id=person.id,
        facts={"channel": str(channel)},
    )  # fmt: skip
