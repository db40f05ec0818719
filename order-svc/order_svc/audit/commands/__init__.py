"""What changes holds. `holds` is called from inside an order's commands; `releasing` calls them."""
