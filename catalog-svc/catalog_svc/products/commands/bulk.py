"""Products come in with their prices and their listing: at most 200 in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from catalog_svc.listings.commands.creating import NewListing, create_listings
from catalog_svc.listings.rules import Listing
from catalog_svc.prices.commands import WrongPrice, put_prices, wrong_currencies
from catalog_svc.products.commands.creating import NewProduct, create_products
from catalog_svc.products.rules import Product
from catalog_svc.shops.queries import shops_by_slug
from catalog_svc.shops.rules import Shop
from svc_kit.refusals import Fault, Refusal
from svc_kit.transaction import Tx


@dataclass(frozen=True, slots=True)
class Wanted:
    """`prices`: (sku, amount_minor, currency), for the shop's first price list."""

    shop: str
    prices: tuple[tuple[str, int, str], ...]
    submit: bool


@dataclass(frozen=True, slots=True)
class BulkItem:
    product: NewProduct
    listing: Wanted | None = None


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """`refusal` without a product: nothing of the item is there. With one: the product is, its listing is not."""

    product: Product | None
    listing: Listing | None
    refusal: Refusal | None


async def bring_products(tx: Tx, items: Sequence[BulkItem], *, shops: Collection[str] | None) -> list[BulkOutcome]:
    """In the order of the items; `shops`: those that the actor may list in, None for all.

    Effects: product.changed, listing.changed.
    """
    known = await shops_by_slug(tx.con, {item.listing.shop for item in items if item.listing})
    mine = {slug: shop for slug, shop in known.items() if shops is None or slug in shops}
    refusals = {n: refusal for n, item in enumerate(items) if (refusal := _refusal(item, mine))}
    taken = [n for n in range(len(items)) if n not in refusals]
    created = dict(zip(taken, await create_products(tx, [items[n].product for n in taken]), strict=True))
    refusals |= {n: one for n, one in created.items() if isinstance(one, Refusal)}
    products = {n: one for n, one in created.items() if isinstance(one, Product)}
    await _price(tx, [wanted for n in products if (wanted := items[n].listing)], mine)
    listings = await _list(tx, {n: (products[n], wanted) for n in products if (wanted := items[n].listing)})
    refusals |= {n: one for n, one in listings.items() if isinstance(one, Refusal)}
    listed = {n: one for n, one in listings.items() if isinstance(one, Listing)}
    return [BulkOutcome(products.get(n), listed.get(n), refusals.get(n)) for n in range(len(items))]


def _refusal(item: BulkItem, shops: dict[str, Shop]) -> Refusal | None:
    """What is wrong with the listing's part, before anything is written."""
    if (wanted := item.listing) is None:
        return None
    at = f"{item.product.at}/listing"
    if wanted.shop not in shops:
        words = {"en": f"There is no shop {wanted.shop}", "zh": f"店铺 {wanted.shop} 不存在"}
        return WrongPrice([Fault(pointer=f"{at}/shop", code="unknown-shop", **words)])
    given = [(f"{at}/prices/{n}/amount/currency", currency) for n, (_, _, currency) in enumerate(wanted.prices)]
    faults = wrong_currencies(shops[wanted.shop].currency, given)
    own = {variant.sku for variant in item.product.variants}
    faults += [
        Fault(
            pointer=f"{at}/prices/{n}/sku",
            code="unknown-sku",
            en=f"{sku} is none of its variants",
            zh=f"{sku} 非本商品规格",
        )
        for n, (sku, _, _) in enumerate(wanted.prices)
        if sku not in own
    ]
    return WrongPrice(faults) if faults else None


async def _price(tx: Tx, wanted: Sequence[Wanted], shops: dict[str, Shop]) -> None:
    prices = {
        (shops[one.shop].price_list_id, sku): amount_minor for one in wanted for sku, amount_minor, _ in one.prices
    }
    if prices:
        await put_prices(tx, [(list_id, sku, amount_minor) for (list_id, sku), amount_minor in prices.items()])


async def _list(tx: Tx, wanted: dict[int, tuple[Product, Wanted]]) -> dict[int, Listing | Refusal]:
    outcomes: dict[int, Listing | Refusal] = {}
    for submit in (True, False):
        numbers = [n for n, (_, one) in wanted.items() if one.submit is submit]
        if numbers:
            items = [NewListing(wanted[n][0].id, wanted[n][1].shop) for n in numbers]
            outcomes |= dict(zip(numbers, await create_listings(tx, items, submit=submit), strict=True))
    return outcomes
