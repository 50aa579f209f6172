"""The mini-program's JSON API: one file per resource, schemas on top, routes below.

The door translates and holds no rule. Who may see what is asked of the core; a person to whom a case
is nothing learns nothing of it, not even that it exists (404).
"""
