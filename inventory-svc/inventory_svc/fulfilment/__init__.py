"""What a warehouse is told to do, and the parcels that leave it."""
