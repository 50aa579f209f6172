"""Complaints about police: written by a citizen, read by auditors alone.

No station, desk, officer or commander hears of one: there is no event, no topic, no row of a queue. Words and
answer are encrypted fields; each look is in the audit chain.
"""
