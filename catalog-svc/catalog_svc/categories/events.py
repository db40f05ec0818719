"""Every change of a category tells its whole present state."""

from catalog_svc.categories.rules import Category
from svc_contracts.events.catalog import CategoryChanged


def changed(category: Category) -> CategoryChanged:
    return CategoryChanged(
        category_id=category.id, parent_id=category.parent_id, path=list(category.path), name=category.name
    )
