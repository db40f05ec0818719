"""Do orders, reservations, movements, payments, benefits and facts tell the same story? It only reports."""
