"""Every metric there is, in one place. Names and labels hold counts and times, never a person.

Counters belong to their process; the gauges are read from the database when somebody scrapes
(`app.metrics`), so that any number of processes tell the same.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CLAIMS = Counter("didi_claims", "Claims by outcome: won, lost", ["outcome"])
HANDOVER_LATENESS = Histogram(
    "didi_handover_lateness_seconds",
    "How long after its deadline a case was handed over, both by the database's clock",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30),
)
CALLBACK_SECONDS = Histogram(
    "didi_callback_seconds",
    "Time to answer a WeChat callback",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 5),
)
CALLBACKS = Counter("didi_callbacks", "WeChat callbacks by outcome", ["outcome"])
TICKS = Counter("didi_worker_ticks", "Rounds of each of the worker's jobs", ["job", "outcome"])

CASES = Gauge("didi_cases", "Cases by state; ended ones of the last 24 h", ["state"])
CLAIMED_SILENT = Gauge(
    "didi_cases_claimed_silent", "Cases whose officer was nudged or worse, and gives no sign"
)
OFFERS_OPEN = Gauge("didi_offers_open", "Offers of openings that still run")
OFFICERS_ON_DUTY = Gauge("didi_officers_on_duty", "Officers on duty")
OFFICERS_REACHABLE = Gauge("didi_officers_reachable", "Officers on duty heard within 45 s")
SOCKETS = Gauge("didi_sockets", "Live sockets of this process")
OUTBOX_AGE = Gauge(
    "didi_outbox_age_seconds", "Age of the oldest event that nobody followed to its end; 0: none"
)
OUTBOX_DEAD = Gauge("didi_outbox_dead", "Events and deliveries among the dead letters")
DELIVERIES = Counter(
    "didi_deliveries", "Notices by kind, channel and what became of them", ["kind", "channel", "state"]
)
CHANNEL_STOPPED = Gauge(
    "didi_channel_stopped", "1 while nobody can be written to by a channel, with why", ["channel", "reading"]
)
WALL_USED = Gauge(
    "didi_daily_wall_used", "Share of the day's calls of a channel that is used up, 0 to 1", ["channel"]
)
WALL_REFUSALS = Counter(
    "didi_daily_wall_refusals", "Notices that the day's calls had no room for", ["channel", "priority"]
)
DELIVERIES_QUEUED = Gauge("didi_deliveries_queued", "Notices that wait to be sent")
MEDIA = Counter("didi_media", "Media by kind and what became of them", ["kind", "state"])
MEDIA_DOWNLOADS = Gauge("didi_media_downloads_today", "Media fetched from WeChat today, by Beijing's day")
MEDIA_DOWNLOADS_LIMIT = Gauge("didi_media_downloads_limit", "How many WeChat lets us fetch in a day")
MEDIA_WAITING = Gauge("didi_media_waiting", "Media that wait to be fetched")
MEDIA_OLDEST = Gauge("didi_media_waiting_oldest_seconds", "How long the oldest of them waits; 0: none")
