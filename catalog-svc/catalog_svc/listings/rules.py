"""The life of a listing, and the gate before it is shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from catalog_svc.categories.rules import AttributeDefinition, missing, missing_options


class State(StrEnum):
    DRAFT = "draft"
    CHECKING = "checking"
    PENDING_REVIEW = "pending_review"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"
    UNLISTED = "unlisted"
    ARCHIVED = "archived"


Action = Literal["submit", "pass", "block", "approve", "reject", "revise", "publish", "pause", "unlist", "archive"]

# `pass` and `block` are the gate's words, never a person's.
TRANSITIONS: Mapping[tuple[State, Action], State] = {
    (State.DRAFT, "submit"): State.CHECKING,
    (State.CHECKING, "pass"): State.PENDING_REVIEW,
    (State.CHECKING, "block"): State.DRAFT,
    (State.PENDING_REVIEW, "approve"): State.SCHEDULED,
    (State.PENDING_REVIEW, "reject"): State.REJECTED,
    (State.REJECTED, "revise"): State.DRAFT,
    (State.SCHEDULED, "publish"): State.LIVE,
    (State.SCHEDULED, "block"): State.DRAFT,
    (State.SCHEDULED, "unlist"): State.UNLISTED,
    (State.LIVE, "pause"): State.PAUSED,
    (State.PAUSED, "publish"): State.LIVE,
    (State.LIVE, "unlist"): State.UNLISTED,
    (State.PAUSED, "unlist"): State.UNLISTED,
    (State.UNLISTED, "archive"): State.ARCHIVED,
}
GATED: frozenset[str] = frozenset({"submit", "publish"})  # an approval holds for what passes at this moment


@dataclass(frozen=True, slots=True)
class Listing:
    """`submitted_by` and `approved_by` are never the same person."""

    id: str
    product_id: str
    shop: str
    state: State
    publish_at: datetime | None
    unpublish_at: datetime | None
    submitted_by: str | None
    approved_by: str | None
    published_at: datetime | None
    created_at: datetime
    version: int
    event_seq: int


def next_state(state: State, action: Action) -> State | None:
    return TRANSITIONS.get((state, action))


def possible(state: State) -> list[str]:
    """What a person may do next."""
    return [action for at, action in TRANSITIONS if at == state and action not in ("pass", "block")]


@dataclass(frozen=True, slots=True)
class GateCheck:
    """`pointer` says where to put it right, `hint` how."""

    check: str
    result: Literal["pass", "warn", "block"]
    pointer: str
    hint: dict[str, str]


@dataclass(frozen=True, slots=True)
class Goods:
    """What the gate looks at. `variants`: (sku, options, whether it has a price)."""

    title: Mapping[str, str]
    locales: Sequence[str]
    picture_count: int
    attributes: Mapping[str, Any]
    definitions: Mapping[str, AttributeDefinition]
    is_leaf: bool
    variants: Sequence[tuple[str, Mapping[str, str], bool]]


def gate(goods: Goods) -> list[GateCheck]:
    """Every check, the passed ones too, in a fixed order."""
    return [
        *_leaf(goods),
        *_price(goods),
        *_image(goods),
        *_attributes(goods),
        *_options(goods),
        *_title(goods),
    ]


def blocks(checks: Iterable[GateCheck]) -> list[GateCheck]:
    return [check for check in checks if check.result == "block"]


def _leaf(goods: Goods) -> Iterable[GateCheck]:
    if goods.is_leaf:
        yield _passed("leaf_category", "/category_id")
    else:
        yield GateCheck(
            "leaf_category",
            "block",
            "/category_id",
            {"en": "Choose a category that has none below it", "zh": "请选择没有下级的类目"},
        )


def _price(goods: Goods) -> Iterable[GateCheck]:
    unpriced = [n for n, (_, _, priced) in enumerate(goods.variants) if not priced]
    if len(unpriced) == len(goods.variants):
        yield GateCheck(
            "price",
            "block",
            "/variants",
            {"en": "Put a price for at least one variant into a price list", "zh": "请至少为一个规格设置价格"},
        )
        return
    if not unpriced:
        yield _passed("price", "/variants")
    for n in unpriced:
        sku = goods.variants[n][0]
        hint = {"en": f"{sku} has no price and will not be sold", "zh": f"{sku} 未设置价格,将不会销售"}
        yield GateCheck("price", "warn", f"/variants/{n}", hint)


def _image(goods: Goods) -> Iterable[GateCheck]:
    if goods.picture_count > 0:
        yield _passed("image", "/media")
    else:
        hint = {"en": "Upload a picture and add it to the product", "zh": "请上传并添加商品图片"}
        yield GateCheck("image", "block", "/media", hint)


def _attributes(goods: Goods) -> Iterable[GateCheck]:
    absent = missing(goods.definitions, goods.attributes)
    if not absent:
        yield _passed("required_attributes", "/attributes")
    for key in absent:
        hint = {"en": f"The category requires a value for {key}", "zh": f"类目要求填写属性 {key}"}
        yield GateCheck("required_attributes", "block", f"/attributes/{key}", hint)


def _options(goods: Goods) -> Iterable[GateCheck]:
    absent = [
        (n, key)
        for n, (_, options, _) in enumerate(goods.variants)
        for key in missing_options(goods.definitions, options)
    ]
    if not absent:
        yield _passed("variant_options", "/variants")
    for n, key in absent:
        hint = {"en": f"The category requires the option {key}", "zh": f"类目要求规格项 {key}"}
        yield GateCheck("variant_options", "block", f"/variants/{n}/options/{key}", hint)


def _title(goods: Goods) -> Iterable[GateCheck]:
    absent = [language for language in languages(goods.locales) if not goods.title.get(language)]
    if not absent:
        yield _passed("title", "/title")
    for language in absent:
        hint = {"en": f"The shop also speaks {language}: add a title", "zh": f"店铺支持 {language},请补充标题"}
        yield GateCheck("title", "warn", f"/title/{language}", hint)


def languages(locales: Iterable[str]) -> list[str]:
    """`zh-CN` → `zh`, each once."""
    return list(dict.fromkeys(locale.split("-", 1)[0] for locale in locales))


def _passed(check: str, pointer: str) -> GateCheck:
    return GateCheck(check, "pass", pointer, {})
