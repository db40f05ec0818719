"""Founding, changing, opening and suspending shops."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog_svc.prices.commands import add_first_list
from catalog_svc.shops import store
from catalog_svc.shops.events import changed
from catalog_svc.shops.rules import TRANSITIONS, Shop, Verb, possible
from svc_kit.refusals import Fault, IllegalTransition, NotFound, Refusal, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


class ShopTaken(Refusal):
    slug, status = "shop-taken", 409
    title = {"en": "This shop slug is already in use", "zh": "店铺标识已被占用"}


def require_sound_methods(given: Sequence[tuple[str, str, str]], currency: str) -> None:
    """`given`: (id, currency of the fee, currency of the threshold). Raises ValidationFailed with every fault."""
    faults = []
    seen: set[str] = set()
    for n, (id, *currencies) in enumerate(given):
        if id in seen:
            words = {"en": f"{id} comes twice", "zh": f"{id} 重复"}
            faults.append(Fault(pointer=f"/delivery_methods/{n}/id", code="repeated", **words))
        seen.add(id)
        for name, one in zip(("fee", "free_from"), currencies, strict=True):
            if one != currency:
                words = {"en": f"The shop sells in {currency}, not in {one}", "zh": f"店铺以 {currency} 销售"}
                pointer = f"/delivery_methods/{n}/{name}/currency"
                faults.append(Fault(pointer=pointer, code="wrong-currency", **words))
    if faults:
        raise ValidationFailed(faults)


async def found_shop(tx: Tx, shop: Shop) -> Shop:
    """The shop and its first price list, which has no rules. Raises ShopTaken. Effects: shop.changed."""
    shop = replace(shop, price_list_id=tx.ids.new("prl"))
    if not await store.insert(tx.con, shop):
        fault = Fault(pointer="/slug", code="shop-taken", en=f"{shop.slug} is in use", zh=f"{shop.slug} 已被占用")
        raise ShopTaken([fault])
    await add_first_list(tx, shop.slug, shop.price_list_id)
    tx.emit(changed(shop), seq=shop.event_seq)
    return shop


async def change_shop(tx: Tx, slug: str, *, version: int, changes: Mapping[str, Any]) -> Shop:
    """Raises NotFound, StaleVersion. Effects: shop.changed."""
    shop = await _lock(tx, slug, version)
    return await _write(tx, replace(shop, **changes))


async def move(tx: Tx, slug: str, verb: Verb, *, version: int | None) -> Shop:
    """Raises NotFound, StaleVersion, IllegalTransition. Effects: shop.changed."""
    shop = await _lock(tx, slug, version)
    state = TRANSITIONS.get((shop.state, verb))
    if state is None:
        raise IllegalTransition(state=shop.state, possible=possible(shop.state))
    return await _write(tx, replace(shop, state=state))


async def _lock(tx: Tx, slug: str, version: int | None) -> Shop:
    shop = await store.lock(tx.con, slug)
    if shop is None:
        raise NotFound()
    if version is not None:
        require_version(shop.version, version)
    return shop


async def _write(tx: Tx, shop: Shop) -> Shop:
    shop = replace(shop, version=shop.version + 1, event_seq=shop.event_seq + 1)
    await store.update(tx.con, shop)
    tx.emit(changed(shop), seq=shop.event_seq)
    return shop
