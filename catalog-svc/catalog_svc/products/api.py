"""Routes of products and their variants."""

from fastapi import Response

from catalog_svc.bodies import Sku
from catalog_svc.listings.commands.refusals import GateBlocked
from catalog_svc.products import queries
from catalog_svc.products.bodies import (
    BulkBody,
    BulkResult,
    BulkResults,
    NewProductBody,
    NewVariantBody,
    ProductChange,
    ProductView,
    VariantChange,
    view,
)
from catalog_svc.products.commands import changing
from catalog_svc.products.commands.bulk import BulkOutcome, bring_products
from catalog_svc.products.commands.creating import create_product
from catalog_svc.products.commands.refusals import SkuTaken, SlugTaken
from svc_kit.access import scope
from svc_kit.doors import Read, Router, Who, Write
from svc_kit.idempotency import key_required
from svc_kit.paging import Page, PageQuery
from svc_kit.problems import problem_of
from svc_kit.refusals import NotFound, StaleVersion, ValidationFailed, refuses

router = Router(tags=["products"])


@router.post("/v1/admin/products/bulk", dependencies=[scope("catalog:write"), key_required()], responses=refuses())
async def bring(body: BulkBody, tx: Write, who: Who) -> BulkResults:
    """Each item is taken or refused by itself; prices go to the shop's first price list."""
    items = [one.item(n) for n, one in enumerate(body.items)]
    outcomes = await bring_products(tx, items, shops=who.shops)
    return BulkResults(results=[_result(n, one) for n, one in enumerate(outcomes)])


def _result(n: int, outcome: BulkOutcome) -> BulkResult:
    problem = problem_of(outcome.refusal) if outcome.refusal else None
    if outcome.product is None:
        assert outcome.refusal is not None, "an item is taken or refused"
        return BulkResult(index=n, http_status=outcome.refusal.status, problem=problem)
    listing_id = outcome.listing.id if outcome.listing else None
    return BulkResult(index=n, http_status=201, id=outcome.product.id, listing_id=listing_id, problem=problem)


@router.post(
    "/v1/admin/products",
    status_code=201,
    dependencies=[scope("catalog:write")],
    responses=refuses(SkuTaken, SlugTaken),
)
async def create(body: NewProductBody, tx: Write, response: Response) -> ProductView:
    product = await create_product(tx, body.product())
    response.headers["Location"] = f"/v1/admin/products/{product.id}"
    return view(product)


@router.get("/v1/admin/products", dependencies=[scope("catalog:read")])
async def list_products(con: Read, page: PageQuery, category_id: str | None = None) -> Page[ProductView]:
    after = page.after(str) or ""
    found = await queries.products(con, category_id=category_id, after=after, limit=page.limit + 1)
    return page.of([view(one) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/products/{id}", dependencies=[scope("catalog:read")], responses=refuses(NotFound))
async def get_product(id: str, con: Read) -> ProductView:
    product = await queries.product(con, id)
    if product is None:
        raise NotFound()
    return view(product)


@router.patch(
    "/v1/admin/products/{id}",
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, StaleVersion, ValidationFailed, GateBlocked),
)
async def change(id: str, body: ProductChange, tx: Write) -> ProductView:
    return view(await changing.change_product(tx, id, version=body.version, changes=body.changes()))


@router.post(
    "/v1/admin/products/{id}/variants",
    status_code=201,
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, ValidationFailed, SkuTaken, GateBlocked),
)
async def add_variant(id: str, body: NewVariantBody, tx: Write, response: Response) -> ProductView:
    response.headers["Location"] = f"/v1/admin/products/{id}"
    return view(await changing.add_variant(tx, id, body.variant()))


@router.patch(
    "/v1/admin/products/{id}/variants/{sku:path}",
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, StaleVersion),
)
async def change_variant(id: str, sku: Sku, body: VariantChange, tx: Write) -> ProductView:
    changes = body.model_dump(include=body.model_fields_set - {"version"})
    return view(await changing.change_variant(tx, id, sku, version=body.version, changes=changes))
