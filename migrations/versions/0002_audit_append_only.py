"""The audit log is append-only: an entry is never deleted, and only its seal is ever added.

Against slips and single statements, not against an owner of the table, who can drop the trigger:
what such a one changes shows in the chain. TRUNCATE is left to tests and to the owner.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("""
        CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND OLD.hash IS NULL
               AND to_jsonb(NEW) - '{seq,hash}'::text[] = to_jsonb(OLD) - '{seq,hash}'::text[] THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION audit_append_only()
    """)


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what people wrote")
