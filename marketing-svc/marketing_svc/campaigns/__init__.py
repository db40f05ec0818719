"""Campaigns: promotions that start, pause and end together, under one budget."""
