"""People, their roles and their sessions.

Invariant: what identifies a person (name, phone, openid) stands in the schema `identity`, encrypted,
behind `app.people.identity`; every other table knows a person by id alone.
"""
