"""The case: its life from open to closed.

Invariant: `cases.state` is written by `app.cases.moves` alone, one conditional statement a move,
with its event and its outbox row; the epoch grows whenever the holder changes.
"""
