"""What we are going to publish ourselves, such as bulletins and profiles: so far the port by which its words are checked.

Invariant: what a citizen or informant writes or shows never comes here (a contract in pyproject.toml).
"""
