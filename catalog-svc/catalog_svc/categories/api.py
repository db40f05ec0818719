"""Routes of categories."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import Response
from pydantic import BaseModel, Field, model_validator

from catalog_svc.bodies import Code, Names, Version, Words
from catalog_svc.categories import commands, queries
from catalog_svc.categories.commands import WrongParent
from catalog_svc.categories.rules import AttributeDefinition, Category, Input
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import NotFound, StaleVersion, refuses

router = Router(tags=["categories"])

ATTRIBUTES_MAX = 100
VALUES_MAX = 500


class AttributeBody(Body):
    """`values` belong to choice and multi_choice alone; what defines variants is one of their options."""

    key: Code
    input: Input
    scope: Literal["product", "variant"] = "product"
    required: bool = False
    filterable: bool = False
    variant_defining: bool = False
    unit: Words | None = None
    values: Annotated[list[Words], Field(max_length=VALUES_MAX)] = []

    @model_validator(mode="after")
    def values_where_one_chooses(self) -> Self:
        if (self.input in (Input.CHOICE, Input.MULTI_CHOICE)) != bool(self.values):
            raise ValueError("values are for choice and multi_choice, which need them")
        if self.variant_defining and self.scope != "variant":
            raise ValueError("what defines variants has the scope variant")
        return self


def _keys_once(attributes: list[AttributeBody]) -> bool:
    return len({one.key for one in attributes}) == len(attributes)


class WithAttributes(Body):
    @model_validator(mode="after")
    def keys_once(self) -> Self:
        attributes: list[AttributeBody] | None = getattr(self, "attributes", None)
        if attributes and not _keys_once(attributes):
            raise ValueError("a key of the attributes comes twice")
        return self


Attributes = Annotated[list[AttributeBody], Field(max_length=ATTRIBUTES_MAX)]


class NewCategory(WithAttributes):
    parent_id: str | None = None
    name: Names
    attributes: Attributes = []


class CategoryChange(WithAttributes):
    version: Version
    name: Names | None = None
    attributes: Attributes | None = None


class AttributeView(BaseModel):
    key: str
    input: Input
    scope: str
    required: bool
    filterable: bool
    variant_defining: bool
    unit: str | None
    values: list[str]


class CategoryView(BaseModel):
    id: str
    parent_id: str | None
    path: list[str]
    name: dict[str, str]
    attributes: list[AttributeView]
    created_at: datetime
    version: int


def view(category: Category) -> CategoryView:
    return CategoryView.model_validate(
        {
            "id": category.id,
            "parent_id": category.parent_id,
            "path": list(category.path),
            "name": category.name,
            "attributes": [_attribute(one) for one in category.attributes],
            "created_at": category.created_at,
            "version": category.version,
        }
    )


def _attribute(one: AttributeDefinition) -> dict[str, Any]:
    return {name: getattr(one, name) for name in AttributeView.model_fields if name != "values"} | {
        "values": list(one.values)
    }


def _definitions(attributes: list[AttributeBody]) -> tuple[AttributeDefinition, ...]:
    return tuple(AttributeDefinition(**{**one.model_dump(), "values": tuple(one.values)}) for one in attributes)


@router.post(
    "/v1/admin/categories", status_code=201, dependencies=[scope("catalog:write")], responses=refuses(WrongParent)
)
async def add_category(body: NewCategory, tx: Write, response: Response) -> CategoryView:
    made = await commands.add_category(
        tx, parent_id=body.parent_id, name=dict(body.name), attributes=_definitions(body.attributes)
    )
    response.headers["Location"] = f"/v1/admin/categories/{made.id}"
    return view(made)


@router.get("/v1/admin/categories", dependencies=[scope("catalog:read")])
async def list_categories(con: Read, page: PageQuery, parent_id: str | None = None) -> Page[CategoryView]:
    found = await queries.categories(con, parent_id=parent_id, after=page.after(str) or "", limit=page.limit + 1)
    return page.of([view(one) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/categories/{id}", dependencies=[scope("catalog:read")], responses=refuses(NotFound))
async def get_category(id: str, con: Read) -> CategoryView:
    category = await queries.category(con, id)
    if category is None:
        raise NotFound()
    return view(category)


@router.patch(
    "/v1/admin/categories/{id}", dependencies=[scope("catalog:write")], responses=refuses(NotFound, StaleVersion)
)
async def change_category(id: str, body: CategoryChange, tx: Write) -> CategoryView:
    changes: dict[str, Any] = {}
    if body.name is not None:
        changes["name"] = dict(body.name)
    if body.attributes is not None:
        changes["attributes"] = _definitions(body.attributes)
    return view(await commands.change_category(tx, id, version=body.version, changes=changes))
