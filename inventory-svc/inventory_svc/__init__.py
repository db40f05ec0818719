"""Stock and who may have it: warehouses, levels and their ledger, reservations, fulfilment."""
