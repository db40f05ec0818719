"""Delivery: what it costs and when the parcel comes."""
