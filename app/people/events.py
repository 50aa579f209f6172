"""What happens to people, as their events are called."""

from __future__ import annotations

from enum import StrEnum


class PeopleEvent(StrEnum):
    """`session_revoked` names its session in `data`; of all others the person is `actor_id` or in `data`."""

    SESSION_REVOKED = "session_revoked"  # data: session_id, by
    ACTOR_CHANGED = "actor_changed"  # data: person_id; roles, second factor or suspension changed
    PEOPLE_MERGED = "people_merged"  # data: person_id, from_person_id, sessions that changed hands
    DUTY_ON = "duty_on"  # actor_id: the officer
    DUTY_OFF = "duty_off"  # actor_id: the officer; data: by, why
    APPROVAL_ASKED = "approval_asked"  # actor_id: the officer; data: approval_id
    APPROVAL_DECIDED = "approval_decided"  # data: approval_id, session_id, person_id, approved
