"""Warehouses: where goods lie and which channels they serve."""
