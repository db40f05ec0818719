"""Use cases that write listings."""
