"""Celery's ETA: a worker (`celery -A celery_eta worker`) and, as a script, the tasks it gets."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime

from celery import Celery
from redis import Redis

if __name__ != "__main__" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {0})  # the worker, where ours is

url = os.environ["RIVAL_URL"]
app = Celery("celery_eta", broker=url)
# It holds every task from the start, as an ETA asks for; none comes back to the queue before it is due.
app.conf.update(
    worker_prefetch_multiplier=0, broker_transport_options={"visibility_timeout": 3600}, task_ignore_result=True,
    worker_hijack_root_logger=False,
)  # fmt: skip
found = Redis.from_url(url)


@app.task(name="late")
def late(due: float) -> None:
    """Note by how much it ran late, in seconds."""
    found.rpush("celery:late", time.time() - due)


if __name__ == "__main__":
    for due in json.load(sys.stdin):
        late.apply_async((due,), eta=datetime.fromtimestamp(due, UTC))
