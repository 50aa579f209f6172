"""The process's clock, for tokens and logs. Deadlines are the database's clock, never this one."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)
