"""structlog set-up: JSON lines in production, columns in development.

Log events by allow-list: past-tense name, ids, counts, seconds. Never a name, phone, openid,
text or coordinate; `refuse_personal` drops the keys that would carry them, so that a slip in
one call does not become a leak.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

PERSONAL_KEYS = frozenset(
    [
        "name",
        "phone",
        "openid",
        "unionid",
        "text",
        "words",
        "content",
        "address",
        "place",
        "lat",
        "lng",
        "latitude",
        "longitude",
        "point",
        "token",
        "secret",
        "code",
        "session_key",
        "password",
        "id_number",
        "query",
        "body",
    ]
)


def refuse_personal(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace the value of any key that could carry personal data."""
    for key in PERSONAL_KEYS.intersection(event):
        event[key] = "[withheld]"
    return event


def set_up_logging(*, json: bool, level: str = "INFO") -> None:
    """Configure structlog and the standard library's loggers once per process."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            refuse_personal,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for noisy in ("httpx", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
