"""Orders and their money: carts, quotes, placing, payments, audit, the life of an order to its completion."""
