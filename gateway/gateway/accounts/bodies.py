"""What clients send about accounts, and what they see of them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from gateway.accounts.rules import Account
from svc_kit.doors import Body

PASSWORD_LENGTH_MIN = 8  # NIST SP 800-63B §3.1.1.2, with room for a throttle that holds
PASSWORD_LENGTH_MAX = 128

Password = Annotated[str, StringConstraints(min_length=PASSWORD_LENGTH_MIN, max_length=PASSWORD_LENGTH_MAX)]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
LoginText = Annotated[str, StringConstraints(min_length=2, max_length=254)]
VisitorId = Annotated[str, StringConstraints(min_length=22, max_length=256)]
Role = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ShopSlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Roles = Annotated[list[Role], Field(min_length=1, max_length=20)]
Shops = Annotated[list[ShopSlug], Field(min_length=1, max_length=200)]


class NewMember(Body):
    """One of `email` and `phone`, or both. `visitor_id`: who they were before, to find their cart again."""

    email: LoginText | None = None
    phone: LoginText | None = None
    password: Password
    name: PersonName
    visitor_id: VisitorId | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.email is None and self.phone is None:
            raise ValueError("give an email or a phone number")
        return self


class MemberMade(BaseModel):
    person_id: str


class NewStaff(Body):
    """`shops`: only these; without it all."""

    login: LoginText
    password: Password
    roles: Roles
    shops: Shops | None = None
    name: PersonName | None = None


class StaffBody(Body):
    """What is left out stays. `shops: "all"` takes a restriction away."""

    version: int
    name: PersonName | None = None
    roles: Roles | None = None
    shops: Shops | Literal["all"] | None = None
    state: Literal["active", "disabled"] | None = None
    password: Password | None = None


class StaffView(BaseModel):
    staff_id: str
    login: str
    name: str | None
    roles: list[str]
    shops: list[str] | None
    state: Literal["active", "disabled"]
    created_at: datetime
    version: int


class RoleView(BaseModel):
    role: str
    scopes: list[str]


class RolesView(BaseModel):
    items: list[RoleView]
    next_cursor: None = None


def staff_view(account: Account, login: str) -> StaffView:
    return StaffView(
        staff_id=account.id,
        login=login,
        name=account.name,
        roles=list(account.roles),
        shops=None if account.shops is None else list(account.shops),
        state=account.state,
        created_at=account.created_at,
        version=account.version,
    )
