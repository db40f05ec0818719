"""Copies of what other services own: the time zones of shops, the categories of products."""
