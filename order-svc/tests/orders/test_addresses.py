"""The vault: sealed at rest, opened with the one key, by the one who packs."""

import base64
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from order_svc.addresses.commands import keep, opened, seal
from order_svc.addresses.rules import Address

House = Any
pytestmark = pytest.mark.anyio

ADDRESS = Address(
    name="Lin Daiyu", phone="13800000000", country="CN", province="Shanghai", city="Shanghai", street="Huaihai Road 1"
)


async def test_an_address_is_sealed_at_rest_and_read_by_the_one_who_packs(house: House) -> None:
    order_id = await house.placed()
    reference = (await house.seen(order_id)).address_ref
    packer = house.staff("internal:addresses")

    answer = await packer.get(f"/internal/v1/addresses/{reference}")

    assert answer.status_code == 200
    assert answer.json() == {
        "name": "Lin Daiyu",
        "phone": "+86 138 0000 0000",
        "country": "CN",
        "province": "Shanghai",
        "city": "Shanghai",
        "district": "Xuhui",
        "street": "Huaihai Road 1",
        "postcode": "200030",
    }
    async with house.runtime.db.read() as con:
        sealed = await con.fetchval("SELECT sealed FROM address WHERE id = $1", reference)
        texts = await con.fetch(
            "SELECT (t.*)::text AS row FROM orders t UNION ALL SELECT (t.*)::text FROM order_timeline t "
            "UNION ALL SELECT (t.*)::text FROM outbox t UNION ALL SELECT (t.*)::text FROM order_line t"
        )
    assert b"Lin" not in sealed
    assert b"Huaihai" not in sealed
    everything = " ".join(row["row"] for row in texts)
    assert "Daiyu" not in everything
    assert "Huaihai" not in everything
    assert "138 0000" not in everything


async def test_nobody_else_reads_it(house: House) -> None:
    reference = (await house.seen(await house.placed())).address_ref
    path = f"/internal/v1/addresses/{reference}"
    for other in (house.staff("orders:*"), house.staff("*"), house.staff("internal:callbacks"), house.member()):
        assert (await other.get(path)).status_code == 403
    assert (await house.staff("internal:addresses").get("/internal/v1/addresses/adr_0")).status_code == 404


async def test_another_key_or_another_place_does_not_open_it(house: House) -> None:
    rt = house.runtime
    key, other = bytes(32), bytes(31) + b"1"
    one, two = seal(rt.ids, key, ADDRESS), seal(rt.ids, key, ADDRESS)
    async with rt.db.transaction() as tx:
        await keep(tx, [one, two])
        await tx.con.execute("UPDATE address SET sealed = $2 WHERE id = $1", two[0], one[1])

    async with rt.db.read() as con:
        assert await opened(con, key, one[0]) == ADDRESS
        with pytest.raises(InvalidTag):
            await opened(con, other, one[0])
        with pytest.raises(InvalidTag):
            await opened(con, key, two[0])
        assert await opened(con, key, "adr_0") is None


async def test_the_same_address_is_never_sealed_to_the_same_bytes(house: House) -> None:
    sealed = {seal(house.runtime.ids, bytes(32), ADDRESS)[1] for _ in range(64)}
    assert len({one[:12] for one in sealed}) == len(sealed) == 64


def test_an_address_shows_nothing_of_itself_by_accident() -> None:
    assert f"{ADDRESS!r} {ADDRESS}" == "Address(…) Address(…)"
    assert ADDRESS.missing == ("postcode",)


def test_a_key_of_another_length_does_not_start() -> None:
    from order_svc.settings import OrderSettings

    with pytest.raises(ValueError, match="must be base64 of 32 bytes"):
        OrderSettings(
            yunying_env="test", database_url="postgresql://x", address_vault_key=base64.b64encode(bytes(16)).decode()
        )
