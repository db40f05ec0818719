"""Listings: a product in a shop, from draft to live and away again."""
