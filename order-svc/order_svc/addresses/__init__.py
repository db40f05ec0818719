"""Where parcels go and whom to call: sealed at rest, read by the one who packs, never in an event or a log."""
