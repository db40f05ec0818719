"""Adding and changing price lists, and putting prices into them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from catalog_svc.listings.commands.announcing import announce_skus
from catalog_svc.prices import store
from catalog_svc.prices.rules import FIRST_POSITION, LISTS_PER_SHOP_MAX, ListState, PriceList, Rules
from catalog_svc.products.queries import known_skus
from catalog_svc.shops.queries import shops_by_slug
from svc_kit.refusals import Fault, NotFound, Refusal
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


class WrongPrice(Refusal):
    slug, status = "wrong-price", 422
    title = {"en": "The price does not fit", "zh": "价格不符合要求"}


class TooManyPriceLists(Refusal):
    slug, status = "too-many-price-lists", 409
    title = {"en": "The shop has as many price lists as it may have", "zh": "店铺的价目表已达上限"}


async def add_first_list(tx: Tx, shop: str, list_id: str) -> None:
    """The list that a shop is born with: no rules, always active, the last to be asked."""
    first = PriceList(list_id, shop, "default", FIRST_POSITION, "active", Rules(), None, None, tx.now, 1)
    await store.insert_list(tx.con, first)


async def add_list(
    tx: Tx,
    *,
    shop: str,
    name: str,
    position: int,
    state: ListState,
    rules: Rules,
    window: tuple[datetime | None, datetime | None],
) -> PriceList:
    """Raises NotFound (the shop), TooManyPriceLists."""
    if not await shops_by_slug(tx.con, [shop]):
        raise NotFound()
    if await store.count_lists(tx.con, shop) >= LISTS_PER_SHOP_MAX:
        raise TooManyPriceLists(limit=LISTS_PER_SHOP_MAX)
    made = PriceList(tx.ids.new("prl"), shop, name, position, state, rules, *window, tx.now, 1)
    await store.insert_list(tx.con, made)
    return made


async def change_list(tx: Tx, list_id: str, *, version: int, changes: Mapping[str, Any]) -> PriceList:
    """Raises NotFound, StaleVersion. Effects: listing.changed of everything with a price in the list."""
    found = await store.lock_list(tx.con, list_id)
    if found is None:
        raise NotFound()
    require_version(found.version, version)
    changed = replace(found, **changes, version=version + 1)
    await store.update_list(tx.con, changed)
    await announce_skus(tx, changed.shop, await store.skus_of_list(tx.con, list_id))
    return changed


async def put_price(tx: Tx, list_id: str, sku: str, *, amount_minor: int, currency: str) -> PriceList:
    """Raises NotFound (list or sku), WrongPrice. Effects: listing.changed where the sku is listed."""
    found = await store.lock_list(tx.con, list_id)
    if found is None or sku not in await known_skus(tx.con, [sku]):
        raise NotFound()
    await require_currency(tx, found.shop, [("/price/currency", currency)])
    await put_prices(tx, [(list_id, sku, amount_minor)])
    await announce_skus(tx, found.shop, [sku])
    return found


async def put_prices(tx: Tx, prices: Sequence[tuple[str, str, int]]) -> None:
    """`prices`: (list, sku, amount_minor). Tells nobody: for skus that are not listed yet."""
    await store.put_prices(tx.con, prices, actor=(tx.actor.kind, tx.actor.id), at=tx.now)


async def require_currency(tx: Tx, shop: str, given: Sequence[tuple[str, str]]) -> None:
    """`given`: (pointer, currency). Raises WrongPrice with a fault for each that is not the shop's."""
    known = await shops_by_slug(tx.con, [shop])
    faults = wrong_currencies(known[shop].currency, given)
    if faults:
        raise WrongPrice(faults)


def wrong_currencies(wanted: str, given: Sequence[tuple[str, str]]) -> list[Fault]:
    return [
        Fault(
            pointer=pointer,
            code="wrong-currency",
            en=f"The shop sells in {wanted}, not in {currency}",
            zh=f"店铺以 {wanted} 销售,不接受 {currency}",
            wanted=wanted,
        )
        for pointer, currency in given
        if currency != wanted
    ]
