"""Shops: a storefront on a channel."""
