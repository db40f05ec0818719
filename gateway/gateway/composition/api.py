"""Routes of composed pages."""

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from gateway.composition.queries import Pages
from svc_kit import context
from svc_kit.access import scope
from svc_kit.doors import Router, Rt
from svc_kit.refusals import DeadlineExceeded, NotFound, UpstreamUnavailable, refuses

router = Router(tags=["shop front"])

# As long as the parts of their own say; incomplete pages are nobody's to keep.
COMPLETE = "public, max-age=2"
INCOMPLETE = "no-store"


class DeliveryPromise(BaseModel):
    ship_by: datetime
    deliver_from: datetime
    deliver_until: datetime


class ProductPage(BaseModel):
    """`product` and `variants` decide; parts that nobody could answer in time are named."""

    product: dict[str, Any] = Field(description="from the catalogue")
    variants: list[dict[str, Any]] = Field(description="from the catalogue")
    promotions: list[dict[str, Any]] = Field(description="what is running for this product")
    delivery_promise: DeliveryPromise | None = Field(description="null also where the goods are not known")
    unavailable_parts: list[Literal["promotions", "delivery_promise"]]


@router.get(
    "/v1/store/{shop}/products/{slug}",
    dependencies=[scope("store")],
    responses={200: {"model": ProductPage}, **refuses(NotFound, UpstreamUnavailable, DeadlineExceeded)},
    response_class=Response,
)
async def get_product(
    shop: str,
    slug: str,
    request: Request,
    rt: Rt,
    sku: Annotated[str | None, Query(max_length=64, description="whose delivery to promise; else the first")] = None,
    region: Annotated[str | None, Query(max_length=64, description="the province to deliver to")] = None,
) -> Response:
    headers = {"X-Request-Id": context.request_id.get() or ""}
    if words := request.headers.get("accept-language"):
        headers["Accept-Language"] = words
    pages = Pages(
        rt.state.upstreams,
        rt.state.identity,
        headers,
        page_ms=rt.settings.page_time_box_ms,
        part_ms=rt.settings.part_time_box_ms,
    )
    page = await pages.product(shop, slug, sku=sku, region=region)
    cache = INCOMPLETE if page["unavailable_parts"] else COMPLETE
    return Response(orjson.dumps(page), media_type="application/json", headers={"Cache-Control": cache})
