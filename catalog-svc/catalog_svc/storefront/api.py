"""Routes of the shop front: the shop, its products, one product."""

from datetime import datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Query, Response
from pydantic import BaseModel, Field

from catalog_svc.categories.queries import with_lineage
from catalog_svc.products.queries import product as product_by_id
from catalog_svc.products.rules import Product
from catalog_svc.shops.api import DeliveryMethodView, delivery_views
from catalog_svc.shops.queries import shop as shop_by_slug
from catalog_svc.shops.rules import Shop
from catalog_svc.storefront import queries
from catalog_svc.storefront.queries import ShownProduct, ShownVariant
from catalog_svc.storefront.rules import Availability, Facets, Filters, Sort
from catalog_svc.storefront.words import QUESTION_LENGTH_MAX, question
from svc_contracts.money import Money
from svc_kit.access import scope
from svc_kit.doors import Read, Router, Rt
from svc_kit.paging import PageQuery
from svc_kit.refusals import Fault, NotFound, ValidationFailed, refuses

Con = asyncpg.Connection

router = Router(tags=["shop front"])

PLACE_MAX = 2**63  # of a bigint
CACHE = {"Cache-Control": "public, max-age=2"}

Text = Annotated[str, Query(max_length=QUESTION_LENGTH_MAX)]
AmountMinor = Annotated[int, Query(ge=0, le=10**15)]


class CategoryView(BaseModel):
    id: str
    parent_id: str | None
    name: dict[str, str]


class StoreView(BaseModel):
    shop: str
    name: dict[str, str]
    channel: str
    currency: str
    time_zone: str
    locales: list[str]
    categories: list[CategoryView]
    delivery_methods: list[DeliveryMethodView]
    payment_methods: list[str]


class ItemView(BaseModel):
    """Where prices begin; `promotion_price` only where it is lower."""

    product_id: str
    slug: str
    title: dict[str, str]
    brand: str | None
    image: str | None
    price: Money
    promotion_price: Money | None
    availability: Availability
    sales_count: int


class CategoryCount(BaseModel):
    id: str
    name: dict[str, str]
    count: int


class BrandCount(BaseModel):
    brand: str
    count: int


class FacetsView(BaseModel):
    """Over everything that was found, not only this page."""

    total: int
    categories: list[CategoryCount]
    brands: list[BrandCount]
    price_min: Money | None
    price_max: Money | None


class ItemsView(BaseModel):
    """`facets` come with the first page."""

    items: list[ItemView]
    facets: FacetsView | None
    next_cursor: str | None


class VariantView(BaseModel):
    sku: str
    options: dict[str, str]
    price: Money
    promotion_price: Money | None
    availability: Availability


class ProductView(BaseModel):
    product_id: str
    slug: str
    title: dict[str, str]
    brand: str | None
    categories: list[CategoryView] = Field(description="from the root down")
    keywords: list[str]
    attributes: dict[str, Any]
    media: list[dict[str, Any]]
    details: list[dict[str, Any]]
    availability: Availability
    sales_count: int
    published_at: datetime


class PageView(BaseModel):
    product: ProductView
    variants: list[VariantView]


async def _open_shop(con: Con, slug: str) -> Shop:
    """Raises NotFound for a shop that sells nothing at present."""
    shop = await shop_by_slug(con, slug)
    if shop is None or shop.state != "open":
        raise NotFound()
    return shop


def _money(amount_minor: int | None, shop: Shop) -> Money | None:
    return None if amount_minor is None else Money(amount_minor=amount_minor, currency=shop.currency)


async def _categories(con: Con, ids: list[str]) -> list[CategoryView]:
    known = await with_lineage(con, ids)
    return [CategoryView(id=one, parent_id=known[one].parent_id, name=known[one].name) for one in ids if one in known]


@router.get("/v1/store/{shop}", dependencies=[scope("store")], responses=refuses(NotFound))
async def get_store(shop: str, con: Read, response: Response) -> StoreView:
    found = await _open_shop(con, shop)
    response.headers.update(CACHE)
    return StoreView(
        shop=found.slug,
        name=found.name,
        channel=found.channel,
        currency=found.currency,
        time_zone=found.time_zone,
        locales=list(found.locales),
        categories=await _categories(con, await queries.shown_categories(con, shop)),
        delivery_methods=delivery_views(found),
        payment_methods=list(found.payment_methods),
    )


@router.get("/v1/store/{shop}/products", dependencies=[scope("store")], responses=refuses(NotFound))
async def list_products(
    shop: str,
    con: Read,
    rt: Rt,
    page: PageQuery,
    response: Response,
    q: Text | None = None,
    category: str | None = None,
    min_price_minor: AmountMinor | None = None,
    max_price_minor: AmountMinor | None = None,
    sort: Sort = "relevance",
) -> ItemsView:
    """Relevance without a question means the newest first. Prices of filters are those before promotions."""
    found = await _open_shop(con, shop)
    filters = Filters(category, min_price_minor, max_price_minor)
    asked = question(q) if q else None
    if q and asked is not None and not asked.terms:
        return ItemsView(items=[], facets=await _facets(con, found, None), next_cursor=None)
    words = await queries.words_for(con, shop, asked) if asked else None
    after = _place(page.after(list))
    shown = await queries.products(
        con, found, filters, words=words, sort=sort, after=after, limit=page.limit + 1, now=rt.clock.now()
    )
    facets = None if after else await _facets(con, found, await queries.facets(con, found, filters, words))
    one_page = page.of(shown, key=lambda one: [one.offer.place, one.offer.listing_id])
    response.headers.update(CACHE)
    return ItemsView(
        items=[_item(one, found) for one in one_page.items], facets=facets, next_cursor=one_page.next_cursor
    )


def _place(cursor: list[Any] | None) -> tuple[int, str] | None:
    """Raises ValidationFailed for a cursor of another list."""
    match cursor:
        case None:
            return None
        case [int(place), str(listing_id)] if abs(place) < PLACE_MAX:
            return place, listing_id
        case _:
            fault = Fault("/cursor", "bad-cursor", "Use a cursor from next_cursor", "请使用 next_cursor 返回的游标")
            raise ValidationFailed([fault])


def _item(one: ShownProduct, shop: Shop) -> ItemView:
    return ItemView(
        product_id=one.offer.product_id,
        slug=one.offer.slug,
        title=one.offer.title,
        brand=one.offer.brand,
        image=one.offer.image,
        price=Money(amount_minor=one.price_minor, currency=shop.currency),
        promotion_price=_money(one.promotion_price_minor, shop),
        availability=one.availability,
        sales_count=one.offer.units_sold,
    )


async def _facets(con: Con, shop: Shop, facets: Facets | None) -> FacetsView:
    if facets is None:
        return FacetsView(total=0, categories=[], brands=[], price_min=None, price_max=None)
    known = await with_lineage(con, [id for id, _ in facets.categories])
    return FacetsView(
        total=facets.total,
        categories=[CategoryCount(id=id, name=known[id].name, count=n) for id, n in facets.categories if id in known],
        brands=[BrandCount(brand=brand, count=n) for brand, n in facets.brands],
        price_min=_money(facets.price_min_minor, shop),
        price_max=_money(facets.price_max_minor, shop),
    )


@router.get("/v1/store/{shop}/products/{slug}", dependencies=[scope("store")], responses=refuses(NotFound))
async def get_product(shop: str, slug: str, con: Read, rt: Rt, response: Response) -> PageView:
    found = await _open_shop(con, shop)
    shown = await queries.product(con, found, slug, now=rt.clock.now())
    product = await product_by_id(con, shown.offer.product_id) if shown else None
    if shown is None or product is None:
        raise NotFound()
    response.headers.update(CACHE)
    categories = await _categories(con, list(shown.offer.category_path))
    return PageView(
        product=_product(shown, product, categories), variants=[_variant(one, found) for one in shown.variants]
    )


def _product(shown: ShownProduct, product: Product, categories: list[CategoryView]) -> ProductView:
    return ProductView(
        product_id=product.id,
        slug=product.slug,
        title=product.title,
        brand=product.brand,
        categories=categories,
        keywords=list(product.keywords),
        attributes=product.attributes,
        media=[{"url": one.url, "alt": one.alt} for one in product.media],
        details=[{"kind": one.kind, "text": one.text} for one in product.details],
        availability=shown.availability,
        sales_count=shown.offer.units_sold,
        published_at=shown.offer.published_at,
    )


def _variant(one: ShownVariant, shop: Shop) -> VariantView:
    return VariantView(
        sku=one.sku,
        options=one.options,
        price=Money(amount_minor=one.price_minor, currency=shop.currency),
        promotion_price=_money(one.promotion_price_minor, shop),
        availability=one.availability,
    )
