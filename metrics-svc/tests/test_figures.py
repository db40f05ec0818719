"""Figures, counted by hand."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio
YEAR = {"first": "2026-01-01", "last": "2026-12-31"}


async def test_an_order_is_in_the_figures(desk: Any) -> None:
    await desk.tell(desk.shop_changed(), desk.placed("ord_1", "2026-01-02 10:00"))

    assert await desk.values("orders,units,gmv", **YEAR) == {"orders": 1, "units": 1, "gmv": 1_000}
