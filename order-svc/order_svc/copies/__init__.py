"""Copies of what other services own: shops, offers, warehouses, availability, promotions."""
