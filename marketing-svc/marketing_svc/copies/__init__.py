"""Copies of what other services own: shops and offers."""
