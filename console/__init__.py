"""The console's JSON API: one file per resource, schemas on top, routes below; and a simple live board.

The door translates and holds no rule. Every unsafe request shows its Origin and a CSRF token; a case of
another station does not exist (404); what a role may not do is refused (403).
"""
