"""What happened: immutable events and their outbox, both written with the change itself.

Invariant: an event has exactly one outbox row until it was followed; a row is leased by one
process at a time; attempts are counted when the lease is taken, so an event that kills its
follower ends among the dead and is seen.
"""
