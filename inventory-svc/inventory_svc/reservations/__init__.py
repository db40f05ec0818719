"""Who may have which units: decisions about orders, taken many per commit."""
