"""Pages put together from several services, each part in a time box of its own."""
