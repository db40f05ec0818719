"""Quotes: what exactly these goods cost now, binding for a while."""
