"""Categories and the typed attributes of what stands in them."""
