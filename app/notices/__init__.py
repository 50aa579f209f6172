"""What a person is told: deliveries with a budget, a ledger and a priority.

Invariant: one delivery per (event, person, channel, kind). It is never sent when it is no longer true, and a
message is spent only if a higher one can still be sent in the same window.
"""
