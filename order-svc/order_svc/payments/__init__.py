"""Payments: attempts, the append-only ledger, calls to providers, their callbacks, refunds."""
