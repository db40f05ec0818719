"""What happened, one row a fact: orders and their lines, refunds, what visitors did."""
