"""One file per step, never edited once merged."""
