"""Benefits: what one order has locked, used or given back. Caps and budgets are kept here."""
