"""The only door for clients: who asks, where it goes, what is put together on the way, one public document."""
