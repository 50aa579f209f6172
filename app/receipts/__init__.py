"""Receipts: what a reporter can show later, and what anybody can check with nothing but the published key.

Invariants: every case has one receipt, written in the transaction that opened it; a receipt is never written
anew; neither the receipt nor its QR holds a word, a place or a person. Format: docs/reference/receipt.md.
"""
