"""The six services: names, packages, ports, databases. One table for supervisor, gateway and tests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """`database` and the role of the same name belong to this service alone."""

    name: str
    package: str
    port: int
    database: str


SERVICES = {
    entry.name: entry
    for entry in (
        ServiceEntry("gateway", "gateway", 8000, "gateway"),
        ServiceEntry("catalog-svc", "catalog_svc", 8001, "catalog"),
        ServiceEntry("order-svc", "order_svc", 8002, "orders"),
        ServiceEntry("inventory-svc", "inventory_svc", 8003, "inventory"),
        ServiceEntry("marketing-svc", "marketing_svc", 8004, "marketing"),
        ServiceEntry("metrics-svc", "metrics_svc", 8005, "metrics"),
    )
}
PORT_PAYMENT_SANDBOX = 8010
PORT_POSTGRES = 15432
PORT_KAFKA = 19092
PORT_KAFKA_CONTROLLER = 19093
