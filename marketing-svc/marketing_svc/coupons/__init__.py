"""Coupon batches: codes with a cap in all and a cap per customer."""
