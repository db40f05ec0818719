"""Every change of a listing tells the whole offer: others quote from their copy of it."""

from catalog_svc.listings.offers import Offer
from catalog_svc.listings.rules import Listing
from svc_contracts.events.base import Components
from svc_contracts.events.catalog import ListingChanged, ListingWindow, OfferSku


def offer_skus(offer: Offer) -> list[OfferSku]:
    """Only what has a price can be bought."""
    return [
        OfferSku(
            sku=variant.sku,
            options=variant.options,
            weight_g=variant.weight_g,
            components=[Components(sku=part.sku, quantity=part.quantity) for part in variant.components],
            prices=offer.prices[variant.sku],
        )
        for variant in offer.product.variants
        if variant.sku in offer.prices
    ]


def changed(listing: Listing, offer: Offer) -> ListingChanged:
    return ListingChanged(
        listing_id=listing.id,
        shop=listing.shop,
        product_id=listing.product_id,
        category_path=[category.id for category in offer.path],
        brand=offer.product.brand,
        title=offer.product.title,
        slug=offer.product.slug,
        image=offer.product.media[0].url if offer.product.media else None,
        state=listing.state.value,
        window=ListingWindow(from_=listing.publish_at, until=listing.unpublish_at),
        skus=offer_skus(offer),
    )
