"""Who looked at or changed what: append-only and hash-chained.

Invariant: an entry is written in the transaction of the act; a sealed entry's hash covers its
content and the hash before it, so that a change, a gap or a reordering shows in any export.
"""
