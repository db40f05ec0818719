"""Reading benefits."""
