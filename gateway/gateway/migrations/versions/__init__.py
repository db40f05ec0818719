"""One sentence per migration; never edited once merged."""
