"""Who a channel's buyers are to us."""

from collections.abc import Collection

from order_svc.channels import store
from svc_kit.transaction import Tx


async def persons_of(tx: Tx, buyers: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """{(channel, buyer_ref): person}; minted at the first sight."""
    return await store.persons(tx.con, {buyer: tx.ids.new("per") for buyer in buyers}, at=tx.now) if buyers else {}
