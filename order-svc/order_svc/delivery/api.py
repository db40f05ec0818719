"""The route of delivery promises."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel

from order_svc.delivery import queries
from svc_kit.access import scope
from svc_kit.doors import Router, Rt
from svc_kit.refusals import NotFound, refuses

router = Router(tags=["delivery"])

CACHE = "public, max-age=2"
Word = Annotated[str, Query(min_length=1, max_length=64)]


class PromiseView(BaseModel):
    ship_by: datetime
    deliver_from: datetime
    deliver_until: datetime


@router.get("/v1/store/{shop}/delivery-promise", dependencies=[scope("store")], responses=refuses(NotFound))
async def promise(shop: str, sku: Word, rt: Rt, response: Response, region: Word | None = None) -> PromiseView:
    """`region`: the province; without it the promise holds for all of the country."""
    found = await queries.promise_for(rt.db, shop=shop, sku=sku, province=region)
    if found is None:
        raise NotFound()
    response.headers["Cache-Control"] = CACHE
    return PromiseView(ship_by=found.ship_by, deliver_from=found.deliver_from, deliver_until=found.deliver_until)
