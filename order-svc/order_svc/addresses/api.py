"""The internal door: the warehouse reads where a parcel goes."""

from pydantic import BaseModel

from order_svc.addresses.commands import opened
from svc_kit.access import scope
from svc_kit.doors import Read, Router, Rt
from svc_kit.refusals import NotFound, refuses

router = Router(tags=["internal"], include_in_schema=False)


class AddressView(BaseModel):
    name: str
    phone: str
    country: str
    province: str
    city: str
    district: str | None
    street: str | None
    postcode: str | None


@router.get(
    "/internal/v1/addresses/{reference}", dependencies=[scope("internal:addresses")], responses=refuses(NotFound)
)
async def read_address(reference: str, rt: Rt, con: Read) -> AddressView:
    address = await opened(con, rt.settings.vault_key, reference)
    if address is None:
        raise NotFound()
    return AddressView.model_validate(address, from_attributes=True)
