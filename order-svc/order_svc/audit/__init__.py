"""Whether an order may be confirmed: checks, holds, and who released them."""
