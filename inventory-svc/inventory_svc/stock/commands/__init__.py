"""What writes stock. Everything that changes a counter goes through `ledger.post`."""
