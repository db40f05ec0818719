"""What is pure about promotions: the engine, the states, the prices that pages show."""
