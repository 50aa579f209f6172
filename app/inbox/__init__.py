"""Messages seen once: what came from outside, and the answer it got.

Invariant: a key is written in the transaction that acts on the message, so a repeat finds the
stored answer and a concurrent repeat waits for it on the unique index.
"""
