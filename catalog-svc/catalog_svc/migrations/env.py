"""Alembic's entry: the kit runs it, the tables are this service's."""

from catalog_svc.categories import tables as _categories
from catalog_svc.copies import tables as _copies
from catalog_svc.listings import tables as _listings
from catalog_svc.media import tables as _media
from catalog_svc.prices import tables as _prices
from catalog_svc.products import tables as _products
from catalog_svc.rows import Row
from catalog_svc.shops import tables as _shops
from catalog_svc.storefront import tables as _storefront
from svc_kit.migrate import run_migrations

# Importing the rooms' tables is what fills the metadata.
ROOMS = (_categories, _copies, _listings, _media, _prices, _products, _shops, _storefront)

run_migrations(Row.metadata)
