"""What visitors do: events of the front ends, on their way to traffic.events."""
