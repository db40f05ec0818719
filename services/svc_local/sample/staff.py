"""Two people run the sample shop: one brings goods, the other approves them."""

import secrets
from dataclasses import dataclass

from svc_local.sample.door import Door

PASSWORD_BYTES = 18
MERCHANT_ROLES = ("merchandiser", "warehouse", "marketer")
APPROVER_ROLES = ("approver",)


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    password: str


def hire(owner: Door, name: str, roles: tuple[str, ...]) -> Person:
    """A person with a password of chance. One hired by a run that was cut short is let be: the password is lost."""
    for login in (name, f"{name}-{secrets.token_hex(3)}"):
        person = Person(login, secrets.token_urlsafe(PASSWORD_BYTES))
        body = {"login": login, "password": person.password, "roles": list(roles)}
        answer = owner.ask("POST", "/v1/admin/staff", json=body, accept=(409,))
        if answer.get("status") != 409:
            break
    return person
