"""The only SQL on orders."""
