"""structlog set-up: JSON lines in production, columns in development.

Log events by allow-list: past-tense name, ids, counts, seconds. Never a name, phone, openid,
text or coordinate; `refuse_personal` drops the keys that would carry them, so that a slip in
one call does not become a leak. Of an exception, its type and where it passed are logged, never its text:
a database quotes whole rows in it, a parser what it was given.
"""

from __future__ import annotations

import logging
import sys
import traceback

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

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


def where_it_passed(error: BaseException) -> str:
    """An exception and what caused it, outermost last: types and lines of code, without their texts."""
    parts: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        frames = "".join(traceback.format_tb(one.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{_kind(one)}")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\nand then:\n".join(reversed(parts))


def _kind(error: BaseException) -> str:
    state = getattr(getattr(error, "orig", None), "sqlstate", None)  # SQLAlchemy's: what the database refused
    inner = "".join(f"\n  with: {where_it_passed(one)}" for one in getattr(error, "exceptions", ()))
    return f"{type(error).__module__}.{type(error).__qualname__}{f' {state}' if state else ''}{inner}"


class PlainRecords(logging.Formatter):
    """Records of libraries, uvicorn's of what no handler caught among them."""

    def formatException(self, ei: object) -> str:  # noqa: N802 (the standard library's name)
        """As `where_it_passed`."""
        error = ei[1] if isinstance(ei, tuple) else None
        return where_it_passed(error) if isinstance(error, BaseException) else ""


def _without_texts(exc_info: ExcInfo) -> str:
    return where_it_passed(exc_info[1])


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
            structlog.processors.ExceptionRenderer(_without_texts),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainRecords("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for noisy in ("httpx", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
