"""Routes of quotes."""

from fastapi import Response

from order_svc.identity import buyer_of
from order_svc.quotes import commands, queries
from order_svc.quotes.bodies import CouponCode, Lines, MethodId, WantedRegion
from order_svc.quotes.refusals import CouponExhausted, CouponInvalid, NotPurchasable
from order_svc.quotes.rules import Asked, Asking
from order_svc.quotes.views import QuoteView, quote_view
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Rt, Who
from svc_kit.refusals import Fault, IllegalTransition, MalformedRequest, NotFound, ValidationFailed, refuses

router = Router(tags=["quotes"])


class NewQuote(Body):
    """Either `cart_id` or `lines`. A cart brings its coupon along; `coupon_code` goes before it."""

    cart_id: str | None = None
    lines: Lines | None = None
    region: WantedRegion
    delivery_method: MethodId
    coupon_code: CouponCode | None = None


@router.post(
    "/v1/store/{shop}/quotes",
    status_code=201,
    dependencies=[scope("store")],
    responses=refuses(
        MalformedRequest, NotFound, NotPurchasable, CouponInvalid, CouponExhausted, IllegalTransition, ValidationFailed
    ),
)
async def make_quote(shop: str, body: NewQuote, rt: Rt, who: Who, response: Response) -> QuoteView:
    """Binding for 15 minutes."""
    if (body.cart_id is None) == (body.lines is None):
        en, zh = "Send either cart_id or lines", "请提供 cart_id 或 lines 之一"
        raise ValidationFailed([Fault("/lines", "either-cart-or-lines", en, zh)])
    asking = Asking(
        shop=shop,
        buyer=buyer_of(who),
        region=body.region.model_dump(),
        delivery_method=body.delivery_method,
        lines=tuple(Asked(line.sku, line.quantity) for line in body.lines or ()),
        cart_id=body.cart_id,
        coupon_code=body.coupon_code,
    )
    quote = await commands.make_quote(rt, asking)
    response.headers["Location"] = f"/v1/store/{shop}/quotes/{quote.id}"
    return quote_view(quote)


@router.get(
    "/v1/store/{shop}/quotes/{quote_id}",
    dependencies=[scope("store")],
    responses=refuses(MalformedRequest, NotFound),
)
async def get_quote(shop: str, quote_id: str, con: Read, who: Who) -> QuoteView:
    buyer = buyer_of(who)
    quote = await queries.quote(con, quote_id)
    if quote is None or quote.shop != shop or not quote.is_of(buyer):
        raise NotFound()
    return quote_view(quote)
