"""Migrations of the database `orders`."""
