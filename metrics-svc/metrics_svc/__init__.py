"""Facts from events, and the figures that are counted from them."""
