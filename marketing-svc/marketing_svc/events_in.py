"""Which event leads to which command."""

from collections.abc import Sequence

from marketing_svc.benefits.commands.deciding import ENDS, lock_benefits
from marketing_svc.copies.commands import keep
from marketing_svc.promotions.commands.ticking import wake
from svc_contracts.events.catalog import ListingChanged, ShopChanged
from svc_contracts.events.order import OrderConfirmed, OrderPlaced
from svc_kit.consumer import Consumer, Headers, Received
from svc_kit.transaction import Tx


def takes_no_benefits(headers: Headers) -> bool:
    """Most orders: dropped before they are read."""
    return headers.get("ce_benefits") == "0"


async def project(tx: Tx, events: Sequence[Received]) -> None:
    """Copies of shops and offers. What they change on the pages the shop's clock tells: projecting may not."""
    await wake(tx, await keep(tx, events))


DECIDE = Consumer(
    group="marketing-decide",
    deciding=True,
    handles=(OrderPlaced, OrderConfirmed, *ENDS),
    handle=lock_benefits,
    skip=takes_no_benefits,
)
PROJECT = Consumer(group="marketing-project", deciding=False, handles=(ShopChanged, ListingChanged), handle=project)
