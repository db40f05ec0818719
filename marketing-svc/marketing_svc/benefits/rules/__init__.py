"""What is pure about benefits: counters, decisions about orders, quotes."""
