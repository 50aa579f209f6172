"""What we publish ourselves, such as bulletins and profiles, and the port by which its words are checked before.

Invariant: what a citizen or informant writes or shows never comes here (a contract in pyproject.toml).
"""
