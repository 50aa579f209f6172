"""What a person is told: deliveries with a policy, a budget, walls and a ledger.

Invariants: one delivery per (event, person, channel, kind), and of a notice one at a time that is not passed on;
what none could carry waits for the person. Nothing is sent when it is no longer true, and a
message is spent only if a higher one can still be sent in the same window.
"""
