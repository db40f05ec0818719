"""What buyers and staff send about orders."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from order_svc.addresses.rules import Address
from order_svc.quotes.bodies import CouponCode, Lines, MethodId, Place, WantedRegion
from svc_contracts.money import Currency
from svc_kit.doors import Body

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()\-]{4,24}$")]
Email = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
Street = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Postcode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16)]
Remark = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class ExpectedTotal(Body):
    amount_minor: Annotated[int, Field(ge=0, le=10**15)]
    currency: Currency


class ContactBody(Body):
    name: Name
    phone: Phone
    email: Email | None = None


class AddressBody(Body):
    """Without street or postcode the order waits for a person."""

    country: Place
    province: Place
    city: Place
    district: Place | None = None
    street: Street | None = None
    postcode: Postcode | None = None

    def address(self, contact: ContactBody) -> Address:
        return Address(
            name=contact.name, phone=contact.phone, email=contact.email,
            country=self.country, province=self.province, city=self.city, district=self.district,
            street=self.street, postcode=self.postcode,
        )  # fmt: skip


class Checkout(Body):
    """Either `quote_id`, or `lines` with `region` and `delivery_method` ("buy now")."""

    quote_id: str | None = None
    lines: Lines | None = None
    region: WantedRegion | None = None
    delivery_method: MethodId | None = None
    coupon_code: CouponCode | None = None
    expected_total: ExpectedTotal
    contact: ContactBody
    address: AddressBody
    payment_method: Literal["sandbox", "bank_transfer", "cod"]
    remark: Remark | None = None


class BuyersCancel(Body):
    reason: Reason = "changed_mind"


class StaffsCancel(Body):
    version: int
    reason: Reason


class Approval(Body):
    version: int
    note: Note | None = None


class Amendment(Body):
    """A new address; the lines of an order change by an order change, which is another thing."""

    version: int
    contact: ContactBody
    address: AddressBody
