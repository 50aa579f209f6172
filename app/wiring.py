"""Where the features meet: which follower hears what, who may hear a topic, what people are told.

One table each. Features know nothing of one another beyond the imports that point down; whatever
reacts to an event stands here, so that one page shows what happens when something happens.
"""

from __future__ import annotations

from app.cases.states import CaseEvent
from app.community import notices as community
from app.community.service import CommunityEvent
from app.dispatch import follow as dispatch
from app.dispatch import nearby, notices
from app.dispatch.amend import AmendEvent
from app.dispatch.broadcast import DispatchEvent
from app.dispatch.probe import warn_of_no_way
from app.events import follow as events
from app.events.follow import Follower
from app.kit import valkey
from app.kit.database import Database
from app.kit.runtime import Runtime
from app.kit.secrets import BlindIndex, KeyRing, parse_keys
from app.live import topics
from app.media.states import MediaEvent
from app.notices.rules import expand
from app.people.events import PeopleEvent
from app.people.merging import follow_merge
from app.people.policy import may_hear_desk, may_hear_person
from app.people.second_factor import tell_approval
from app.people.sessions import alive, drop_person, drop_session
from app.settings import Settings
from app.stations.admin import STATIONS_CHANGED
from app.stations.registry import reload_stations
from app.tracking import jobs as tracking
from app.tracking.queries import may_hear

_OPENING_ENDS: list[Follower] = [dispatch.withdraw, dispatch.keep_index]
_TOLD: list[Follower] = [dispatch.tell_case_and_board, expand]

FOLLOWERS: dict[str, list[Follower]] = {
    CaseEvent.REPORTED: [dispatch.open_or_reopened, dispatch.ring_the_desk, *_TOLD],
    CaseEvent.CLAIMED: [*_OPENING_ENDS, tracking.keep_waypoint, *_TOLD],
    CaseEvent.RELEASED: [dispatch.keep_index, tracking.drop_trail, dispatch.open_or_reopened, *_TOLD],
    CaseEvent.TAKEN_BACK: [
        dispatch.keep_index, tracking.drop_trail, dispatch.open_or_reopened, dispatch.ring_the_desk, *_TOLD,
    ],
    CaseEvent.HANDED_OVER: [*_OPENING_ENDS, tracking.drop_trail, dispatch.ring_the_desk, *_TOLD],
    CaseEvent.CANCELLED: [*_OPENING_ENDS, tracking.drop_trail, *_TOLD],
    CaseEvent.CANCEL_ASKED: _TOLD,
    CaseEvent.EN_ROUTE: _TOLD,
    CaseEvent.ARRIVED: [tracking.keep_waypoint, *_TOLD],
    CaseEvent.CLOSED: [dispatch.keep_index, tracking.drop_trail, *_TOLD],
    CaseEvent.TAKEN: _TOLD,
    CaseEvent.ASSIGNED: [dispatch.keep_index, *_TOLD],
    CaseEvent.FORWARDED: [dispatch.ring_the_desk, *_TOLD],
    CaseEvent.RETURNED: [dispatch.keep_index, tracking.drop_trail, dispatch.ring_the_desk, *_TOLD],
    CaseEvent.MERGED: _TOLD,
    CaseEvent.REOPENED: [dispatch.ring_the_desk, *_TOLD],
    CaseEvent.NUDGED: _TOLD,
    CaseEvent.ALARMED: _TOLD,
    CaseEvent.STALLED: _TOLD,
    CaseEvent.ESCALATED: _TOLD,
    CaseEvent.ACKNOWLEDGED: _TOLD,
    CaseEvent.RAISED: [dispatch.ring_the_desk, *_TOLD],
    CaseEvent.MOVED_PLACE: _TOLD,
    AmendEvent.AMENDED: [dispatch.tell_case_and_board],
    MediaEvent.READY: [dispatch.tell_case_and_board],
    MediaEvent.LOST: [dispatch.tell_case_and_board],
    CaseEvent.RATED: [dispatch.tell_case_and_board],
    CaseEvent.BACKUP_ASKED: [dispatch.ask_colleagues, *_TOLD],
    CaseEvent.BACKUP_JOINED: [dispatch.tell_case_and_board],
    CaseEvent.BACKUP_LEFT: [dispatch.tell_case_and_board],
    DispatchEvent.OFFERED: [dispatch.ring_phones, expand],
    DispatchEvent.DECLINED: [],
    nearby.AREA_ENDED: [expand],
    PeopleEvent.DUTY_ON: [drop_person, dispatch.on_duty, dispatch.tell_board_of_duty, warn_of_no_way, expand],
    PeopleEvent.DUTY_OFF: [drop_person, dispatch.off_duty, dispatch.tell_board_of_duty],
    PeopleEvent.SESSION_REVOKED: [drop_session],
    PeopleEvent.ACTOR_CHANGED: [drop_person],
    PeopleEvent.PEOPLE_MERGED: [follow_merge],
    PeopleEvent.APPROVAL_ASKED: [tell_approval],
    PeopleEvent.APPROVAL_DECIDED: [tell_approval],
    CommunityEvent.ASKED: [community.tell_board, expand],
    CommunityEvent.HANDED_OVER: [community.tell_board, expand],
    CommunityEvent.ANSWERED: [expand],
    STATIONS_CHANGED: [reload_stations],
}  # fmt: skip
"""Event kind to what hears it, in order."""


def open_runtime(settings: Settings) -> Runtime:
    """The stores and keys of one process, wired. Both URLs must be set (the CLI fills in the embedded ones)."""
    if not settings.database_url or not settings.valkey_url:
        raise RuntimeError("open_runtime needs both URLs; the command line fills in the embedded servers'")
    runtime = Runtime(
        settings=settings,
        database=Database(
            settings.database_url,
            pooler=settings.database_pooler,
            pool_size=settings.database_pool_size,
            moves_pool_size=settings.database_pool_size,
        ),
        valkey=valkey.connect(settings.valkey_url, cluster=settings.valkey_cluster),
        keys=KeyRing(parse_keys(settings.secret_keys.get_secret_value())),
        index=BlindIndex(*parse_keys(settings.index_key.get_secret_value())),
    )
    wire(runtime)
    return runtime


def wire(_: Runtime) -> None:
    """Register every follower, policy and rule. Doing it again changes nothing."""
    events.FOLLOWERS.clear()
    events.FOLLOWERS.update(FOLLOWERS)
    topics.register_policy("case", may_hear)
    topics.register_policy("person", may_hear_person)
    topics.register_policy("desk", may_hear_desk)
    topics.register_alive(alive)
    notices.register()
    nearby.register()
    community.register()
