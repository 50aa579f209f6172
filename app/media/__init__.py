"""What people send beside words: pictures, voices, videos. Fetched, checked, sealed, served.

Invariants: a row is written in the transaction that took the message, so nothing that was taken is forgotten;
bytes of strangers are decoded in a process of its own and nowhere else (`check`); what lies in the store is sealed
under a key of its own, kept in the row, so a row that is gone leaves bytes that nobody can read (`sealed`); nothing
is served but to the viewer a link was made for, who may see the case at that moment (`links`, `reading`).
"""
