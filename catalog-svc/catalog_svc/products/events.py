"""Every change of a product tells its whole present state."""

from collections.abc import Sequence

from catalog_svc.products.rules import Product
from svc_contracts.events.catalog import ProductChanged


def changed(product: Product, category_path: Sequence[str]) -> ProductChanged:
    return ProductChanged(
        product_id=product.id,
        category_id=product.category_id,
        category_path=list(category_path),
        brand=product.brand,
        title=product.title,
        slug=product.slug,
        skus=[variant.sku for variant in product.variants],
    )
