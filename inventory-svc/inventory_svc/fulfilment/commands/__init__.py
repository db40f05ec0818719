"""What writes fulfilments and shipments, always under the lock of their order."""
