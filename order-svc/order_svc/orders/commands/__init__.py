"""What changes orders. `book` opens and closes them for every other command."""
