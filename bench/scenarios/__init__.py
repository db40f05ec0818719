"""What is measured: each scenario is what a user does, through the gateway."""

from collections.abc import Awaitable, Callable

from bench.scenarios import backbone, buying, flash, reading, resting, stock, tracking, year
from bench.stand import Figure, Stand

Scenario = Callable[[Stand], Awaitable[list[Figure]]]

# In the order of a run: what needs a quiet suite first, what leaves much behind last.
SCENARIOS: dict[str, Scenario] = {
    "rest": resting.rest,
    "product_list": reading.product_list,
    "product_page": reading.product_page,
    "search": reading.search,
    "buy_now": buying.buy_now,
    "checkout": buying.checkout,
    "latency": backbone.latency,
    "flash_sale": flash.flash_sale,
    "hot_sku": flash.hot_sku,
    "tracking": tracking.tracking,
    "stock": stock.stock,
    "relay": backbone.relay,
}
# Only when asked for by name.
LONG: dict[str, Scenario] = {"year": year.year}
