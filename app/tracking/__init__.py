"""Where the officer on a case is, for that case's people, until it ends.

Invariant: a late fix never overwrites a newer one; nothing is kept or told once the case is closed.
"""
