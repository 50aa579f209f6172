"""Who takes it: everything from intake to an officer, and the desk at the deadline.

Invariants: a case is granted to exactly one claimant; nobody off duty, busy or excluded is ever
offered it; what nobody holds at its deadline is the desk's; who holds it and gives no sign loses it.
"""
