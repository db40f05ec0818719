"""catalog-svc: what is sold, where, at which price, and what the shop front shows of it."""
