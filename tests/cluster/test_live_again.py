"""Gateways, tickets and frames as on one server. Killing and freezing the one server has tests of its own."""

import pytest

from tests.app.live.test_gateway import (
    test_a_body_without_a_type_is_refused,
    test_a_flushed_valkey_has_its_gateways_back_within_one_beat_and_sockets_resume,
    test_a_fresh_message_has_every_gateway_ask_anew,
    test_a_process_without_sockets_reaches_every_gateway_in_order,
    test_what_one_gateway_publishes_the_other_hears,
    test_with_valkey_sessions_are_swept_slowly,
)
from tests.app.live.test_tickets import (
    runtime,
    test_a_made_up_ticket_is_refused,
    test_a_ticket_works_once,
    test_of_many_at_once_one_gets_through,
)

pytestmark = [pytest.mark.slow]
__all__ = [
    "runtime",
    "test_a_body_without_a_type_is_refused",
    "test_a_flushed_valkey_has_its_gateways_back_within_one_beat_and_sockets_resume",
    "test_a_fresh_message_has_every_gateway_ask_anew",
    "test_a_made_up_ticket_is_refused",
    "test_a_process_without_sockets_reaches_every_gateway_in_order",
    "test_a_ticket_works_once",
    "test_of_many_at_once_one_gets_through",
    "test_what_one_gateway_publishes_the_other_hears",
    "test_with_valkey_sessions_are_swept_slowly",
]
