"""Runs migrations over an asyncpg connection given by `app.kit.migrate`, or prints them as SQL."""

from __future__ import annotations

from alembic import context

import app.audit.tables
import app.cases.tables
import app.community.tables
import app.complaints.tables
import app.dispatch.tables
import app.events.tables
import app.inbox.tables
import app.live.tables
import app.media.tables
import app.notices.tables
import app.people.tables
import app.receipts.tables
import app.stations.tables
import app.tracking.tables  # noqa: F401  every table, so that `alembic check` sees them all
from app.kit.database import Base

config = context.config
connection = config.attributes.get("connection")
if connection is None:
    raise SystemExit("run migrations by `didi migrate`: it opens the connection and takes the lock")

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_schemas=True,
    include_name=lambda name, kind, _: kind != "schema" or name in (None, "identity"),
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
