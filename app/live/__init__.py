"""Who is told what, now: topics with their policies, and the sockets of this process.

It knows person ids only. Invariants: permission is asked at every send and is at most 0.5 s old; what a
socket may have missed it is told to read again (`resume`), so no message is ever needed; Valkey carries
messages between processes and decides nothing.
"""
