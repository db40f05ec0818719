"""An offer: a product with everything that one shop adds to it. Pure."""

from dataclasses import dataclass

from catalog_svc.categories.rules import Category, definitions_of
from catalog_svc.listings.rules import GateCheck, Goods, gate
from catalog_svc.products.rules import Product
from catalog_svc.shops.rules import Shop
from svc_contracts.events.catalog import Price


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as one shop offers it. `path`: its categories from the root; `prices` by sku."""

    shop: Shop
    product: Product
    path: tuple[Category, ...]
    is_leaf: bool
    prices: dict[str, list[Price]]

    def gate(self) -> list[GateCheck]:
        """What stands between this offer and the shop front, at this moment."""
        return gate(
            Goods(
                title=self.product.title,
                locales=self.shop.locales,
                picture_count=len(self.product.media),
                attributes=self.product.attributes,
                definitions=definitions_of(self.product.category_id, {one.id: one for one in self.path}),
                is_leaf=self.is_leaf,
                variants=[(one.sku, one.options, bool(self.prices.get(one.sku))) for one in self.product.variants],
            )
        )
