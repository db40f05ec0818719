"""Load and figures: what the suite does beside what the machine can do."""
