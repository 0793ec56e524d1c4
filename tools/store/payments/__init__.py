"""Whoever moves the money of a refund: the built-in ledger, or a payment provider outside."""
