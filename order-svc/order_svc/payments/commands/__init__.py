"""What changes payments. `ledger` and `refunds.request` are called by an order's commands; the others call them."""
