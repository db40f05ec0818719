"""The sample shop, loaded through the public API alone. May be cut at any point and run again."""

from collections.abc import Mapping
from dataclasses import dataclass

from svc_local.sample import campaign, staff, stocking
from svc_local.sample.door import Door
from svc_local.sample.goods import CATEGORIES
from svc_local.sample.staff import Person

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Who runs the shop (passwords are told here and nowhere else), and what is in it."""

    shop: str
    products: int
    variants: int
    merchant: Person
    approver: Person


def load(gateway_url: str, credentials: Mapping[str, str]) -> Loaded:
    """`credentials`: the owner's login and password. Raises Trouble where the suite refuses."""
    with Door(gateway_url) as owner, Door(gateway_url) as merchant, Door(gateway_url) as approver:
        owner.sign_in(credentials["login"], credentials["password"])
        brings = staff.hire(owner, "sample-merchant", staff.MERCHANT_ROLES)
        approves = staff.hire(owner, "sample-approver", staff.APPROVER_ROLES)
        merchant.sign_in(brings.login, brings.password)
        approver.sign_in(approves.login, approves.password)
        stocking.open_shop(merchant)
        stocking.open_warehouse(merchant)
        stocking.bring_goods(merchant, stocking.add_categories(merchant))
        stocking.publish(approver)
        stocking.receive(merchant)
        campaign.begin(merchant)
        campaign.shown(approver)
    goods = [one for category in CATEGORIES for one in category.goods]
    return Loaded("sample", len(goods), sum(len(one.variants) for one in goods), brings, approves)
