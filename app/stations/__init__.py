"""Police stations: boundary, desk, hours, and the numbers each decides for itself.

Invariant: a point belongs to at most one station; every station's ladder ends at a command centre.
"""
