"""What writes accounts: registering, hiring, changing staff."""
