"""Topics: who writes each, how many partitions, how long it is kept. The kit creates them at start."""

from dataclasses import dataclass

PARTITIONS = 12
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    owner: str
    retention_ms: int = -1
    partitions: int = PARTITIONS


CATALOG = Topic("catalog.events", "catalog-svc")
ORDER = Topic("order.events", "order-svc")
STOCK = Topic("stock.events", "inventory-svc")
CAMPAIGN = Topic("campaign.events", "marketing-svc")
TRAFFIC = Topic("traffic.events", "gateway", retention_ms=30 * DAY_MS)

TOPICS = {topic.name: topic for topic in (CATALOG, ORDER, STOCK, CAMPAIGN, TRAFFIC)}
