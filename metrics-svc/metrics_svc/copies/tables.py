"""Copies of shops and products. `timeline` and `seq` of the event they came from: a later one wins."""

from sqlmodel import Field

from metrics_svc.rows import Row, count, text


class ShopCopy(Row, table=True):
    """The time zone is where a moment becomes a day."""

    __tablename__ = "shop_copy"

    shop: str = Field(sa_column=text(primary_key=True))
    channel: str = Field(sa_column=text())
    currency: str = Field(sa_column=text())
    time_zone: str = Field(sa_column=text())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class ProductCopy(Row, table=True):
    """The leaf category of a product, as it is now."""

    __tablename__ = "product_copy"

    product_id: str = Field(sa_column=text(primary_key=True))
    category_id: str = Field(sa_column=text())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())
