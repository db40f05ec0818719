"""Commands on benefits and their counters."""
