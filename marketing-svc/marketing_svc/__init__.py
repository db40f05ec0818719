"""marketing-svc: promotions, coupons, campaigns and the benefits that orders take from them."""
