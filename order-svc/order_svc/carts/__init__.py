"""Carts: what somebody may buy, recalculated from the copies whenever it is looked at."""
