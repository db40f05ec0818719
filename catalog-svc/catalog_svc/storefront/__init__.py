"""What the shop front reads: found, filtered, sorted, with price and availability."""
