"""Which service answers which public path: the gateway routes by it, tests walk it."""

GATEWAY = "gateway"

ADMIN: dict[str, str] = {
    **dict.fromkeys(("shops", "media", "categories", "products", "listings", "price-lists"), "catalog-svc"),
    **dict.fromkeys(("orders", "holds", "channel-orders"), "order-svc"),
    **dict.fromkeys(
        (
            "warehouses",
            "stock-levels",
            "stock-movements",
            "reservations",
            "stock-receipts",
            "stock-adjustments",
            "fulfilments",
            "shipments",
        ),
        "inventory-svc",
    ),
    **dict.fromkeys(("promotions", "coupon-batches", "campaigns"), "marketing-svc"),
    **dict.fromkeys(("kpis",), "metrics-svc"),
    **dict.fromkeys(("staff", "roles"), GATEWAY),
}

STORE: dict[str, str] = {
    "": "catalog-svc",
    "products": "catalog-svc",
    **dict.fromkeys(("carts", "quotes", "checkout", "orders", "delivery-promise"), "order-svc"),
}

CALLBACKS: dict[str, str] = {"sandbox": "order-svc"}


def service_for(path: str) -> str | None:
    """The service that owns a public path, or None where nothing is served there."""
    parts = path.strip("/").split("/")
    match parts:
        case ["v1", "store", _shop, "products", _slug, "promotions"]:
            return "marketing-svc"
        case ["v1", "store", _shop, *rest]:
            return STORE.get(rest[0] if rest else "")
        case ["v1", "admin", noun, *_]:
            return ADMIN.get(noun)
        case ["v1", "callbacks", provider]:
            return CALLBACKS.get(provider)
        case ["v1", "auth" | "track", *_] | ["docs"] | ["openapi.json"]:
            return GATEWAY
        case ["media", _digest]:
            return "catalog-svc"
        case ["problems", *_]:
            return GATEWAY
        case _:
            return None
