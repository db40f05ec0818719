"""The one document, the page that shows it, a page per problem."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from gateway.app import create_app
from gateway.documents.rules import merged, problems_of, references, security_of
from gateway.settings import GatewaySettings
from svc_contracts.routes import service_for
from svc_contracts.suite import SERVICES
from svc_kit.assembly import create_app as kit_app
from svc_kit.clock import FixedClock

from .conftest import Gateway, Opened, served
from .test_sign_in import refusal

pytestmark = pytest.mark.anyio

ANSWER = {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/V"}}}}}


def document(paths: dict[str, Any], schemas: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {}, "paths": paths, "components": {"schemas": schemas or {}}}


def operation(**more: Any) -> dict[str, Any]:
    return {"tags": ["x"], "responses": ANSWER, **more}


def schema_of(document: dict[str, Any], path: str, method: str = "get") -> Any:
    answer = document["paths"][path][method]["responses"]["200"]
    name = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return name, document["components"]["schemas"][name]


def test_two_schemas_of_one_name_are_told_apart_and_the_same_one_is_one() -> None:
    money = {"type": "object", "properties": {"amount_minor": {"type": "integer"}}}
    ours = {"type": "object", "properties": {"m": {"$ref": "#/components/schemas/Money"}}}
    theirs = {"type": "object", "properties": {"m": {"$ref": "#/components/schemas/Money"}, "n": {"type": "string"}}}
    documents = {
        "gateway": document({}),
        "catalog-svc": document({"/v1/admin/products": {"get": operation()}}, {"V": ours, "Money": money}),
        "order-svc": document({"/v1/admin/orders": {"get": operation()}}, {"V": theirs, "Money": money, "Unused": {}}),
    }

    found = merged(documents, version="1", missing=[])

    assert schema_of(found, "/v1/admin/products") == ("V", ours)
    assert schema_of(found, "/v1/admin/orders") == ("OrderV", theirs)
    assert set(found["components"]["schemas"]) == {"V", "OrderV", "Money"}
    assert documents["order-svc"]["paths"]["/v1/admin/orders"]["get"]["responses"] == ANSWER


def test_what_differs_further_down_makes_its_users_differ_too() -> None:
    user = {"type": "object", "properties": {"line": {"$ref": "#/components/schemas/Line"}}}
    documents = {
        "gateway": document({}),
        "catalog-svc": document({"/v1/admin/products": {"get": operation()}}, {"V": user, "Line": {"type": "string"}}),
        "order-svc": document({"/v1/admin/orders": {"get": operation()}}, {"V": user, "Line": {"type": "integer"}}),
    }

    found = merged(documents, version="1", missing=[])

    schemas = found["components"]["schemas"]
    for path, kind in (("/v1/admin/products", "string"), ("/v1/admin/orders", "integer")):
        _, view = schema_of(found, path)
        line = view["properties"]["line"]["$ref"].rpartition("/")[2]
        assert schemas[line] == {"type": kind}


def test_only_what_the_gateway_would_send_there_is_public() -> None:
    theirs = {
        path: {"get": operation(responses={})}
        for path in ("/v1/admin/orders", "/internal/v1/addresses/{ref}", "/livez", "/v1/admin/products", "/v1/auth/x")
    }
    documents = {"gateway": document({}), "order-svc": document(theirs)}

    found = merged(documents, version="1", missing=["metrics-svc"])

    assert list(found["paths"]) == ["/v1/admin/orders"]
    assert found["x-missing"] == ["metrics-svc"]


@pytest.mark.parametrize(
    ("path", "security"),
    [
        ("/v1/admin/orders", [{"bearer": []}]),
        ("/v1/auth/sessions", []),
        ("/v1/auth/sessions/current", [{"bearer": []}]),
        ("/v1/store/{shop}/products", []),
        ("/v1/store/{shop}/orders/{order_id}", [{"bearer": []}, {"visitor": [], "order_token": []}]),
        ("/v1/store/{shop}/checkout", [{"visitor": []}, {"bearer": [], "visitor": []}]),
        ("/v1/callbacks/{provider}", [{"signature": []}]),
    ],
)
def test_every_operation_says_what_it_wants_to_see(path: str, security: list[dict[str, list[str]]]) -> None:
    assert security_of(path) == security


def built_services() -> dict[str, Any]:
    """The applications of the services, as they are in this tree."""
    found = {}
    for name, entry in SERVICES.items():
        if name == "gateway":
            continue
        service = importlib.import_module(f"{entry.package}.app").SERVICE
        found[name] = kit_app(service, service.settings(yunying_env="test"))
    return found


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    own = create_app(GatewaySettings(yunying_env="test"))
    documents = {name: app.openapi() for name, app in built_services().items()}
    return merged({"gateway": own.openapi(), **documents}, version="0.1.0", missing=[])


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_the_whole_document_is_whole(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]

    assert whole["openapi"] == "3.1.0"
    assert {node["$ref"].rpartition("/")[2] for node in references(whole)} <= set(schemas)
    found = operations(whole)
    names = [one["operationId"] for _, _, one in found]
    assert len(names) == len(set(names))
    tags = [tag["name"] for tag in whole["tags"]]
    assert tags[:3] == ["sign-in", "shop front", "tracking"]
    assert {tag for _, _, one in found for tag in one["tags"]} == set(tags)
    for path, _, one in found:
        assert service_for(path) is not None, path
        assert "security" in one
        assert not path.startswith("/internal")
    assert {"/v1/auth/sessions", "/v1/admin/staff", "/v1/track", "/v1/admin/listings"} <= set(whole["paths"])


def test_the_product_page_is_ours_with_the_catalogues_words(whole: dict[str, Any]) -> None:
    _, page = schema_of(whole, "/v1/store/{shop}/products/{slug}")

    assert set(page["properties"]) == {
        "product", "variants", "promotions", "delivery_promise", "unavailable_parts",
    }  # fmt: skip
    assert page["properties"]["product"]["$ref"].endswith("ProductView")
    assert page["properties"]["variants"]["items"]["$ref"].endswith("VariantView")


def test_problems_are_read_from_the_examples(whole: dict[str, Any]) -> None:
    found = problems_of(whole)

    english = "This refresh token was used before; sign in again"
    assert found["refresh-reused"] == (401, english, "刷新令牌已被使用，请重新登录")
    assert found["sku-taken"][0] == 409


async def test_the_document_is_made_of_what_runs(gateway_of: Opened, database_of: Callable[[str], Any]) -> None:
    clock = FixedClock()
    catalogue = built_services()["catalog-svc"]
    async with served(catalogue) as url:
        gateway = await gateway_of(services={"catalog-svc": url}, clock=clock)
        first = await gateway.http.get("/openapi.json")
        same = await gateway.http.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})

    document = first.json()
    assert "/v1/admin/categories" in document["paths"]
    assert document["x-missing"] == ["order-svc", "inventory-svc", "marketing-svc", "metrics-svc"]
    assert (same.status_code, same.content) == (304, b"")
    clock.advance(120)
    # The catalogue is away by now; what it said stands.
    assert (await gateway.http.get("/openapi.json")).json() == document


async def test_the_page_needs_nothing_from_elsewhere(gateway: Gateway) -> None:
    answer = await gateway.http.get("/docs")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "://" not in answer.text
    assert 'fetch("/openapi.json")' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_outside_development_documents_are_closed_unless_opened(gateway_of: Opened) -> None:
    closed = await gateway_of(docs_open=False)

    for path in ("/docs", "/openapi.json"):
        assert refusal(await closed.http.get(path)) == (404, "not-found")


@pytest.mark.parametrize("slug", ["stale-version", "refresh-reused", "upstream-unavailable"])
async def test_every_problem_has_a_page_for_people_and_for_programs(gateway: Gateway, slug: str) -> None:
    program = await gateway.http.get(f"/problems/{slug}", headers={"Accept": "application/json"})
    browser = await gateway.http.get(f"/problems/{slug}", headers={"Accept": "text/html,application/xml;q=0.9,*/*"})

    told = program.json()
    assert (told["type"], told["slug"]) == (f"/problems/{slug}", slug)
    assert told["title"]
    assert told["title_zh"]
    assert told["advice"]
    assert browser.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<code>{slug}</code>" in browser.text


async def test_a_service_tells_its_own_problems_and_nobody_elses_are_known(gateway_of: Opened) -> None:
    async with served(built_services()["catalog-svc"]) as url:
        gateway = await gateway_of(services={"catalog-svc": url})
        taken = await gateway.http.get("/problems/sku-taken")
        unknown = await gateway.http.get("/problems/<script>")

    assert (taken.json()["status"], taken.json()["title_zh"]) == (409, "SKU 已被占用")
    assert refusal(unknown) == (404, "not-found")
