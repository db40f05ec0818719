"""Routes of orders: `store` for buyers, `admin` for staff; `bodies` and `views` are what travels."""
