"""Stock levels, the ledger that alone writes them, receipts, adjustments, alerts."""
