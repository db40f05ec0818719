"""Promotions: what is given, to whom, when; and the pure engine that prices a cart with them."""
