"""Use cases that write products."""
