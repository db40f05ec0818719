"""Signed-in people: access tokens, rotating refresh tokens, the end of a session."""
