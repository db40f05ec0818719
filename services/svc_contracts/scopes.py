"""Scopes, the roles that bundle them, and what each service may ask of another. Deny by default."""

from collections.abc import Collection
from functools import lru_cache

STORE = "store"  # what every visitor and member may do on the shop front

SCOPES = frozenset(
    {
        STORE,
        "shops:write",
        "catalog:read",
        "catalog:write",
        "listing:submit",
        "listing:approve",
        "stock:read",
        "stock:write",
        "fulfilment:write",
        "orders:read",
        "orders:write",
        "orders:audit",
        "orders:import",
        "support:write",
        "marketing:read",
        "marketing:write",
        "metrics:read",
        "ops:read",
        "ops:write",
        "admin:read",
        "admin:write",
        "webhooks:manage",
        "internal:addresses",
        "internal:benefit-quotes",
        "internal:callbacks",
        "internal:composition",
    }
)

ROLES: dict[str, tuple[str, ...]] = {
    "owner": ("*",),
    "merchandiser": ("shops:write", "catalog:*", "listing:submit", "stock:read"),
    "approver": ("catalog:read", "listing:approve"),
    "warehouse": ("stock:*", "fulfilment:write"),
    "service": ("orders:read", "orders:write", "orders:audit", "support:write"),
    "importer": ("orders:import",),
    "marketer": ("marketing:*",),
    "analyst": ("metrics:read",),
    "operator": ("ops:*",),
}

# issuer → audience → scopes: the only way one service may call another (api.md §1).
SERVICE_CALLS: dict[str, dict[str, tuple[str, ...]]] = {
    "gateway": {
        "catalog-svc": ("internal:composition",),
        "order-svc": ("internal:callbacks", "internal:composition"),
        "inventory-svc": ("internal:composition",),
        "marketing-svc": ("internal:composition",),
    },
    "order-svc": {"marketing-svc": ("internal:benefit-quotes",)},
    "inventory-svc": {"order-svc": ("internal:addresses",)},
}


def expand(patterns: Collection[str]) -> frozenset[str]:
    """The concrete scopes behind patterns such as `stock:*`; `*` never opens the internal ones."""
    return _expanded(frozenset(patterns))


@lru_cache(maxsize=1_024)
def _expanded(patterns: frozenset[str]) -> frozenset[str]:
    public = {scope for scope in SCOPES if not scope.startswith("internal:")}
    found: set[str] = set()
    for pattern in patterns:
        if pattern == "*":
            found |= public
        elif pattern.endswith(":*"):
            found |= {scope for scope in public if scope.startswith(pattern[:-1])}
        elif pattern in SCOPES:
            found.add(pattern)
    return frozenset(found)


def scopes_of_roles(roles: Collection[str]) -> frozenset[str]:
    """Every scope that the named roles grant; unknown roles grant nothing."""
    return expand([pattern for role in roles for pattern in ROLES.get(role, ())])
