"""What clients send about products, and what they get."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from catalog_svc.bodies import ITEMS_MAX, Amount, Language, Names, ShopSlug, Sku, Texts, Version, Words
from catalog_svc.products.commands.bulk import BulkItem, Wanted
from catalog_svc.products.commands.creating import NewProduct
from catalog_svc.products.rules import (
    COMPONENTS_MAX,
    MEDIA_PATTERN,
    SLUG_LENGTH_MAX,
    SLUG_PATTERN,
    VARIANTS_MAX,
    Component,
    Detail,
    Media,
    Product,
    Role,
    Variant,
)
from svc_kit.doors import Body

KEYWORDS_MAX = 50
ATTRIBUTES_MAX = 200
PICTURES_MAX = 30
DETAILS_MAX = 20
OPTIONS_MAX = 5

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN, max_length=SLUG_LENGTH_MAX)]
Brand = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Gtin = Annotated[str, StringConstraints(pattern=r"^\d{8,14}$")]
Weight = Annotated[int, Field(ge=0, le=10_000_000)]
Options = Annotated[dict[Words, Words], Field(max_length=OPTIONS_MAX)]
Keywords = Annotated[list[Words], Field(max_length=KEYWORDS_MAX)]
Attributes = Annotated[dict[str, Any], Field(max_length=ATTRIBUTES_MAX)]


class MediaBody(Body):
    """`url`: what uploading answered, or an https address elsewhere."""

    url: Annotated[str, StringConstraints(pattern=MEDIA_PATTERN)]
    alt: dict[Language, Words] = {}


class DetailBody(Body):
    kind: Literal["description", "features", "material", "specifications", "usage", "cautions"] = "description"
    text: Texts


class ComponentBody(Body):
    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=10_000)]


class NewVariantBody(Body):
    sku: Sku
    options: Options = {}
    gtin: Gtin | None = None
    weight_g: Weight | None = None
    components: Annotated[list[ComponentBody], Field(max_length=COMPONENTS_MAX)] = []

    def variant(self) -> Variant:
        parts = tuple(Component(part.sku, part.quantity) for part in self.components)
        return Variant(self.sku, self.options, self.gtin, self.weight_g, parts)


Pictures = Annotated[list[MediaBody], Field(max_length=PICTURES_MAX)]
Details = Annotated[list[DetailBody], Field(max_length=DETAILS_MAX)]


def pictures(given: list[MediaBody]) -> tuple[Media, ...]:
    return tuple(Media(one.url, dict(one.alt)) for one in given)


def details(given: list[DetailBody]) -> tuple[Detail, ...]:
    return tuple(Detail(one.kind, dict(one.text)) for one in given)


class NewProductBody(Body):
    category_id: str
    brand: Brand | None = None
    title: Names
    slug: Slug | None = None
    keywords: Keywords = []
    attributes: Attributes = {}
    media: Pictures = []
    details: Details = []
    role: Role | None = None
    variants: Annotated[list[NewVariantBody], Field(max_length=VARIANTS_MAX)] = []

    def product(self, at: str = "") -> NewProduct:
        return NewProduct(
            category_id=self.category_id,
            title=dict(self.title),
            brand=self.brand,
            slug=self.slug,
            keywords=tuple(self.keywords),
            attributes=self.attributes,
            media=pictures(self.media),
            details=details(self.details),
            role=self.role,
            variants=tuple(one.variant() for one in self.variants),
            at=at,
        )


class ProductChange(Body):
    """What is not named stays. The slug never changes; null takes the brand or the role away."""

    version: Version
    category_id: str | None = None
    brand: Brand | None = None
    title: Names | None = None
    keywords: Keywords | None = None
    attributes: Attributes | None = None
    media: Pictures | None = None
    details: Details | None = None
    role: Role | None = None

    def changes(self) -> dict[str, Any]:
        named = self.model_fields_set - {"version"}
        found: dict[str, Any] = {name: getattr(self, name) for name in named}
        shaped: dict[str, Callable[[Any], Any]] = {
            "keywords": tuple,
            "media": pictures,
            "details": details,
            "title": dict,
        }
        kept = {name: value for name, value in found.items() if value is not None or name in ("brand", "role")}
        return {name: shaped[name](value) if name in shaped else value for name, value in kept.items()}


class VariantChange(Body):
    """`version`: the product's."""

    version: Version
    gtin: Gtin | None = None
    weight_g: Weight | None = None


class BulkPriceBody(Body):
    sku: Sku
    amount: Amount


class BulkListingBody(Body):
    """`publish` submits the listing for approval; without it stays a draft."""

    shop: ShopSlug
    prices: Annotated[list[BulkPriceBody], Field(max_length=VARIANTS_MAX)] = []
    publish: bool = False

    def wanted(self) -> Wanted:
        prices = tuple((one.sku, one.amount.amount_minor, one.amount.currency) for one in self.prices)
        return Wanted(self.shop, prices, self.publish)


class BulkItemBody(NewProductBody):
    variants: Annotated[list[NewVariantBody], Field(min_length=1, max_length=VARIANTS_MAX)]
    listing: BulkListingBody | None = None

    def item(self, n: int) -> BulkItem:
        return BulkItem(self.product(f"/items/{n}"), self.listing.wanted() if self.listing else None)


class BulkBody(Body):
    items: Annotated[list[BulkItemBody], Field(min_length=1, max_length=ITEMS_MAX)]


class BulkResult(BaseModel):
    """`id` beside a `problem`: the product is there, its listing is not."""

    index: int
    http_status: int
    id: str | None = None
    listing_id: str | None = None
    problem: dict[str, Any] | None = None


class BulkResults(BaseModel):
    results: list[BulkResult]


class ComponentView(BaseModel):
    sku: str
    quantity: int


class VariantView(BaseModel):
    sku: str
    options: dict[str, str]
    gtin: str | None
    weight_g: int | None
    components: list[ComponentView]


class MediaView(BaseModel):
    url: str
    alt: dict[str, str]


class DetailView(BaseModel):
    kind: str
    text: dict[str, str]


class ProductView(BaseModel):
    id: str
    category_id: str
    brand: str | None
    title: dict[str, str]
    slug: str
    keywords: list[str]
    attributes: dict[str, Any]
    media: list[MediaView]
    details: list[DetailView]
    role: str | None
    variants: list[VariantView]
    created_at: datetime
    version: int


def variant_view(variant: Variant) -> VariantView:
    return VariantView(
        sku=variant.sku,
        options=variant.options,
        gtin=variant.gtin,
        weight_g=variant.weight_g,
        components=[ComponentView(sku=part.sku, quantity=part.quantity) for part in variant.components],
    )


def view(product: Product) -> ProductView:
    return ProductView(
        id=product.id,
        category_id=product.category_id,
        brand=product.brand,
        title=product.title,
        slug=product.slug,
        keywords=list(product.keywords),
        attributes=product.attributes,
        media=[MediaView(url=one.url, alt=one.alt) for one in product.media],
        details=[DetailView(kind=one.kind, text=one.text) for one in product.details],
        role=product.role,
        variants=[variant_view(one) for one in product.variants],
        created_at=product.created_at,
        version=product.version,
    )
