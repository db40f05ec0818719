"""The plumbing every service stands on. It knows no product, no order, no price."""
