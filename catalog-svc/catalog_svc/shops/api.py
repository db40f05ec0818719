"""Routes of shops."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import Response
from pydantic import AfterValidator, BaseModel, Field

from catalog_svc.bodies import Amount, Code, Names, ShopSlug, Version
from catalog_svc.shops import commands, queries
from catalog_svc.shops.commands import ShopTaken
from catalog_svc.shops.rules import DeliveryMethod, Shop, State, Verb, possible
from svc_contracts.money import Currency, Money
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Who, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import IllegalTransition, NotFound, StaleVersion, refuses

router = Router(tags=["shops"])

METHODS_MAX = 20
EXPIRY_SECONDS_MAX = 30 * 86_400


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone of the IANA database")
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]
Locale = Annotated[str, Field(pattern=r"^(zh|en)(-[A-Z]{2})?$")]
Locales = Annotated[list[Locale], Field(min_length=1, max_length=10)]
PaymentMethods = Annotated[list[Code], Field(min_length=1, max_length=METHODS_MAX)]
ExpirySeconds = Annotated[int, Field(ge=1, le=EXPIRY_SECONDS_MAX)]


class DeliveryMethodBody(Body):
    """`fee` and `free_from` in the shop's currency."""

    id: Code
    name: Names
    fee: Amount
    free_from: Amount | None = None


DeliveryMethods = Annotated[list[DeliveryMethodBody], Field(min_length=1, max_length=METHODS_MAX)]


class NewShop(Body):
    """Slug, channel, currency and time zone never change."""

    slug: ShopSlug
    name: Names
    channel: Code
    currency: Currency = "CNY"
    time_zone: Zone = "Asia/Shanghai"
    locales: Locales = ["zh-CN", "en"]
    delivery_methods: DeliveryMethods | None = None
    payment_methods: PaymentMethods = ["sandbox"]
    unpaid_expiry_seconds: ExpirySeconds = 900


class ShopChange(Body):
    version: Version
    name: Names | None = None
    locales: Locales | None = None
    delivery_methods: DeliveryMethods | None = None
    payment_methods: PaymentMethods | None = None
    unpaid_expiry_seconds: ExpirySeconds | None = None


class Versioned(Body):
    version: Version | None = None


class DeliveryMethodView(BaseModel):
    id: str
    name: dict[str, str]
    fee: Money
    free_from: Money | None


class ShopView(BaseModel):
    slug: str
    name: dict[str, str]
    channel: str
    currency: str
    time_zone: str
    locales: list[str]
    delivery_methods: list[DeliveryMethodView]
    payment_methods: list[str]
    unpaid_expiry_seconds: int
    price_list_id: str
    state: State
    possible: list[str]
    created_at: datetime
    version: int


def delivery_views(shop: Shop) -> list[DeliveryMethodView]:
    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=shop.currency)

    return [
        DeliveryMethodView(
            id=one.id,
            name=one.name,
            fee=money(one.fee_minor),
            free_from=None if one.free_from_minor is None else money(one.free_from_minor),
        )
        for one in shop.delivery_methods
    ]


def view(shop: Shop) -> ShopView:
    plain: dict[str, Any] = {
        name: getattr(shop, name) for name in ShopView.model_fields if name not in ("delivery_methods", "possible")
    }
    lists = {"locales": list(shop.locales), "payment_methods": list(shop.payment_methods)}
    return ShopView(**{**plain, **lists}, delivery_methods=delivery_views(shop), possible=possible(shop.state))


def _methods(given: list[DeliveryMethodBody] | None, currency: str) -> tuple[DeliveryMethod, ...]:
    """Raises ValidationFailed."""
    if given is None:
        return (DeliveryMethod("standard", {"zh": "标准配送", "en": "Standard delivery"}, 0),)
    commands.require_sound_methods(
        [(one.id, one.fee.currency, one.free_from.currency if one.free_from else currency) for one in given], currency
    )
    return tuple(
        DeliveryMethod(
            one.id, dict(one.name), one.fee.amount_minor, one.free_from.amount_minor if one.free_from else None
        )
        for one in given
    )


@router.post(
    "/v1/admin/shops",
    status_code=201,
    dependencies=[scope("shops:write")],
    responses=refuses(ShopTaken),
)
async def found_shop(body: NewShop, tx: Write, response: Response) -> ShopView:
    shop = Shop(
        slug=body.slug,
        name=dict(body.name),
        channel=body.channel,
        currency=body.currency,
        time_zone=body.time_zone,
        locales=tuple(dict.fromkeys(body.locales)),
        delivery_methods=_methods(body.delivery_methods, body.currency),
        payment_methods=tuple(dict.fromkeys(body.payment_methods)),
        unpaid_expiry_seconds=body.unpaid_expiry_seconds,
        state="draft",
        price_list_id="",
        created_at=tx.now,
        version=1,
        event_seq=1,
    )
    response.headers["Location"] = f"/v1/admin/shops/{body.slug}"
    return view(await commands.found_shop(tx, shop))


@router.get("/v1/admin/shops", dependencies=[scope("catalog:read")])
async def list_shops(con: Read, who: Who, page: PageQuery) -> Page[ShopView]:
    found = await queries.shops(con, only=who.shops, after=page.after(str) or "", limit=page.limit + 1)
    return page.of([view(one) for one in found], key=lambda one: one.slug)


@router.get("/v1/admin/shops/{slug}", dependencies=[scope("catalog:read")], responses=refuses(NotFound))
async def get_shop(slug: str, con: Read, who: Who) -> ShopView:
    shop = await queries.shop(con, slug)
    if shop is None or not who.may_in(slug):
        raise NotFound()
    return view(shop)


@router.patch(
    "/v1/admin/shops/{slug}",
    dependencies=[scope("shops:write")],
    responses=refuses(NotFound, StaleVersion),
)
async def change_shop(slug: str, body: ShopChange, tx: Write, who: Who) -> ShopView:
    shop = await queries.shop(tx.con, slug)
    if shop is None or not who.may_in(slug):
        raise NotFound()
    changes: dict[str, Any] = body.model_dump(exclude={"version", "delivery_methods"}, exclude_none=True)
    for name in {"locales", "payment_methods"} & set(changes):
        changes[name] = tuple(dict.fromkeys(changes[name]))
    if body.delivery_methods is not None:
        changes["delivery_methods"] = _methods(body.delivery_methods, shop.currency)
    return view(await commands.change_shop(tx, slug, version=body.version, changes=changes))


@router.post(
    "/v1/admin/shops/{slug}/open",
    dependencies=[scope("shops:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def open_shop(slug: str, tx: Write, who: Who, body: Versioned | None = None) -> ShopView:
    return await _move(tx, who, slug, "open", body)


@router.post(
    "/v1/admin/shops/{slug}/suspend",
    dependencies=[scope("shops:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def suspend_shop(slug: str, tx: Write, who: Who, body: Versioned | None = None) -> ShopView:
    return await _move(tx, who, slug, "suspend", body)


async def _move(tx: Write, who: Who, slug: str, verb: Verb, body: Versioned | None) -> ShopView:
    if not who.may_in(slug):
        raise NotFound()
    return view(await commands.move(tx, slug, verb, version=body.version if body else None))
