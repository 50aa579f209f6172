"""A resident asks their community officer, bound by scanning the officer's code; the officer or the desk answers.

Invariant: a question is with exactly one of two, the officer or the desk of the resident's station. It goes to the desk
when the officer is off duty, suspended or moved, and never comes back. Words are encrypted; notices are neutral.
"""
