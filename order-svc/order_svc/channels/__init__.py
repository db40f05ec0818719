"""Orders that other channels bring: with their own amounts and times, each exactly once."""
