"""The figures: what each means, and how it is counted from the facts."""
