"""Adding and changing categories."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog_svc.categories import store
from catalog_svc.categories.events import changed
from catalog_svc.categories.rules import DEPTH_MAX, AttributeDefinition, Category
from svc_kit.refusals import Fault, NotFound, Refusal
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


class WrongParent(Refusal):
    slug, status = "wrong-parent", 422
    title = {"en": "The category cannot stand there", "zh": "类目不能放在此处"}


async def add_category(
    tx: Tx, *, parent_id: str | None, name: dict[str, str], attributes: Sequence[AttributeDefinition]
) -> Category:
    """Raises WrongParent. Effects: category.changed."""
    above = await _path_of(tx, parent_id) if parent_id is not None else ()
    category_id = tx.ids.new("cat")
    category = Category(category_id, parent_id, (*above, category_id), name, tuple(attributes), tx.now, 1, 1)
    await store.insert(tx.con, category)
    tx.emit(changed(category), seq=category.event_seq)
    return category


async def change_category(tx: Tx, category_id: str, *, version: int, changes: Mapping[str, Any]) -> Category:
    """New definitions rewrite no product: the gate asks the next time. Raises NotFound, StaleVersion."""
    category = await store.lock(tx.con, category_id)
    if category is None:
        raise NotFound()
    require_version(category.version, version)
    category = replace(category, **changes, version=version + 1, event_seq=category.event_seq + 1)
    await store.update(tx.con, category)
    tx.emit(changed(category), seq=category.event_seq)
    return category


async def _path_of(tx: Tx, parent_id: str) -> tuple[str, ...]:
    parent = (await store.by_ids(tx.con, [parent_id])).get(parent_id)
    if parent is None:
        fault = Fault(
            pointer="/parent_id",
            code="unknown-category",
            en=f"There is no category {parent_id}",
            zh=f"类目 {parent_id} 不存在",
        )
        raise WrongParent([fault])
    if len(parent.path) >= DEPTH_MAX:
        fault = Fault(
            pointer="/parent_id",
            code="too-deep",
            en=f"Categories go {DEPTH_MAX} deep at most",
            zh=f"类目最多 {DEPTH_MAX} 级",
        )
        raise WrongParent([fault])
    return parent.path
