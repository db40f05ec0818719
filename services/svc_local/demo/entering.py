"""The demo's own shop, warehouse, goods and stock, through the public API. Each step looks first what is there."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from svc_local.demo import bodies
from svc_local.demo.baskets import Article
from svc_local.demo.display import Progressing
from svc_local.demo.door import DemoDoor, at_once
from svc_local.demo.selection import Selection
from svc_local.layout import State, read_json, write_private
from svc_local.sample import staff
from svc_local.sample.staff import Person
from svc_local.sample.stocking import parts, upload
from svc_local.troubles import Trouble

MERCHANT_ROLES = ("merchandiser", "warehouse", "importer", "service", "analyst")
APPROVER_ROLES = ("approver",)
ROOT_CATEGORY = "Complete Journey"
PRODUCTS_PER_BULK = 200
LISTINGS_PER_BULK = 200
LINES_PER_RECEIPT = 1_000
SKUS_PER_QUOTE = 200
IN_FLIGHT = 3
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.3
THERE_ALREADY = ("sku-taken", "slug-taken")


@dataclass(frozen=True, slots=True)
class Categories:
    """The names of the data's categories, and the ids that the catalogue gave them."""

    ids: Mapping[str, str]

    def name_of(self, id: str) -> str:
        """`unknown` stays what it is; an id that is none of ours is shown as it is."""
        return {known: name for name, known in self.ids.items()}.get(id, id)


def hire(owner: DemoDoor, state: State) -> tuple[Person, Person]:
    """The two who run the demo's shops; hired once per suite, their passwords kept beside the owner's."""
    file = state.folder / "demo.json"
    kept = read_json(file)
    people = []
    for name, roles in (("demo-merchant", MERCHANT_ROLES), ("demo-approver", APPROVER_ROLES)):
        known = kept.get(name)
        person = Person(known["login"], known["password"]) if known else None
        if person is None or not _may_enter(owner, person):
            person = staff.hire(owner, name, roles)
            kept[name] = {"login": person.login, "password": person.password}
            write_private(file, kept)
        people.append(person)
    return people[0], people[1]


def _may_enter(door: DemoDoor, person: Person) -> bool:
    body = {"login": person.login, "password": person.password}
    return door.send("POST", "/v1/auth/sessions", json=body).is_success


def open_shop(merchant: DemoDoor, selection: Selection) -> None:
    shop = merchant.find(f"/v1/admin/shops/{selection.shop}")
    if shop is None:
        shop = merchant.ask("POST", "/v1/admin/shops", json=bodies.shop_body(selection))
    if shop["state"] != "open":
        merchant.ask("POST", f"/v1/admin/shops/{selection.shop}/open", json={"version": shop["version"]})
    if merchant.find(f"/v1/admin/warehouses/{selection.shop}") is None:
        merchant.ask("POST", "/v1/admin/warehouses", json=bodies.warehouse_body(selection))


def add_categories(merchant: DemoDoor, articles: Sequence[Article], progress: Progressing) -> Categories:
    """One for each category of the data, all below one root, shared by all selections."""
    known = list(merchant.all_of("/v1/admin/categories"))
    roots = [one["id"] for one in known if one["parent_id"] is None and one["name"].get("en") == ROOT_CATEGORY]
    root = roots[0] if roots else _add_category(merchant, ROOT_CATEGORY, parent_id=None)
    ids = {one["name"]["en"]: one["id"] for one in known if one["parent_id"] == root}
    for name in sorted({article.category for article in articles}):
        if name not in ids:
            ids[name] = _add_category(merchant, name, parent_id=root)
        progress.advance()
    return Categories(ids)


def _add_category(merchant: DemoDoor, name: str, *, parent_id: str | None) -> str:
    return str(merchant.ask("POST", "/v1/admin/categories", json=bodies.category_body(name, parent_id=parent_id))["id"])


def bring_goods(
    merchant: DemoDoor,
    selection: Selection,
    articles: Sequence[Article],
    categories: Categories,
    progress: Progressing,
) -> None:
    """Products with price and submitted listing, all in one go per item: a product that is there has its listing."""
    if len(_listings(merchant, selection)) == len(articles):
        progress.advance(len(articles))
        return
    pictures = {name: upload(merchant, bodies.svg(name)) for name in sorted({one.department for one in articles})}
    items = [
        bodies.product_body(
            selection, one, category_id=categories.ids[one.category], image_url=pictures[one.department]
        )
        for one in articles
    ]
    for count in at_once(partial(_bring, merchant), parts(items, PRODUCTS_PER_BULK), many=IN_FLIGHT):
        progress.advance(count)


def _bring(merchant: DemoDoor, items: list[dict[str, Any]]) -> int:
    path = "/v1/admin/products/bulk"
    answer = merchant.post(path, {"items": items}, accept=(409,))
    if "results" not in answer:
        # Refused as a whole: a run that was killed is still being answered, with the very same goods.
        time.sleep(POLL_SECONDS)
        answer = merchant.post(path, {"items": items})
    refused = [one["problem"] for one in answer["results"] if one.get("problem")]
    wrong = [one for one in refused if slug_of(one) not in THERE_ALREADY]
    if wrong:
        raise Trouble(f"The demo was refused: {path}: {len(wrong)} products, the first: {wrong[0]}")
    return len(items)


def slug_of(problem: Mapping[str, Any]) -> str:
    return str(problem["type"]).rpartition("/")[2]


def _listings(door: DemoDoor, selection: Selection, **asked: str) -> list[str]:
    return [one["id"] for one in door.all_of("/v1/admin/listings", shop=selection.shop, **asked)]


def publish(approver: DemoDoor, selection: Selection, progress: Progressing) -> None:
    """The second person approves all that waits."""
    waiting = _listings(approver, selection, state="pending_review")
    progress.advance(progress.step.total - len(waiting) if progress.step.total else 0)
    for count in at_once(partial(_approve, approver), parts(waiting, LISTINGS_PER_BULK), many=IN_FLIGHT):
        progress.advance(count)


def _approve(approver: DemoDoor, ids: list[str]) -> int:
    path = "/v1/admin/listings/bulk"
    body = {"action": "approve_and_publish", "items": [{"id": one} for one in ids]}
    results = approver.post(path, body)["results"]
    if refused := [one["problem"] for one in results if one.get("problem")]:
        raise Trouble(f"The demo was refused: {path}: {len(refused)} listings, the first: {refused[0]}")
    return len(results)


def receive(merchant: DemoDoor, selection: Selection, articles: Sequence[Article], progress: Progressing) -> None:
    """Exactly what the baskets take. A reference counts once, so that a second run receives nothing more."""
    deliveries = enumerate(parts(articles, LINES_PER_RECEIPT), start=1)
    for count in at_once(partial(_receive, merchant, selection), deliveries, many=IN_FLIGHT):
        progress.advance(count)


def _receive(merchant: DemoDoor, selection: Selection, delivery: tuple[int, list[Article]]) -> int:
    n, articles = delivery
    merchant.post("/v1/admin/stock-receipts", bodies.receipt_body(selection, n, articles))
    return len(articles)


def wait_until_on_sale(
    visitor: DemoDoor, selection: Selection, articles: Sequence[Article], progress: Progressing
) -> None:
    """Until order-svc has heard of every offer; an order's line would be of an unknown product before."""
    for count in at_once(
        partial(_wait_for_offers, visitor, selection), parts(articles, SKUS_PER_QUOTE), many=IN_FLIGHT
    ):
        progress.advance(count)


def _wait_for_offers(visitor: DemoDoor, selection: Selection, articles: list[Article]) -> int:
    path = f"/v1/store/{selection.shop}/quotes"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = visitor.send("POST", path, json=bodies.quote_body(selection, articles), headers=bodies.somebody())
        if answer.is_success:
            return len(articles)
        if time.monotonic() > deadline:
            raise Trouble(
                f"The demo's goods did not come on sale: {path} answers {answer.status_code}: {answer.text[:1000]}"
            )
        time.sleep(POLL_SECONDS)
