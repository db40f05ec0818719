"""`make tour`: the README's code blocks run as they stand, and their answers compared with what it promises."""
