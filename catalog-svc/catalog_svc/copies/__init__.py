"""Copies of what other services own: availability, promotion prices, sales."""
