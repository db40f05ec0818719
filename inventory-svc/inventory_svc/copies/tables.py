"""Copies of shops: which channel each sells on."""

from sqlmodel import Field

from inventory_svc.rows import Row, count, text


class ShopCopy(Row, table=True):
    """`timeline` and `seq` of the event it came from: a later one wins, whatever the order of arrival."""

    __tablename__ = "shop_copy"

    shop: str = Field(sa_column=text(primary_key=True))
    channel: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())
