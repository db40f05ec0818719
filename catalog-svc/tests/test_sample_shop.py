"""The sample shop's data: enough of it, whole in both languages, and such as this service takes."""

from collections import Counter

import pytest

from catalog_svc.categories.api import NewCategory
from catalog_svc.media.rules import clean_svg
from catalog_svc.products.bodies import BulkItemBody
from catalog_svc.shops.api import NewShop
from svc_local.sample import catalogue
from svc_local.sample.goods import CATEGORIES
from svc_local.sample.pictures import MOTIFS, mixed
from svc_local.sample.shapes import Category, Goods

GOODS = [(category, goods) for category in CATEGORIES for goods in category.goods]


def test_there_are_sixty_products_or_more_in_six_categories_or_more() -> None:
    assert len(GOODS) >= 60
    assert len(CATEGORIES) >= 6
    assert min(len(category.goods) for category in CATEGORIES) >= 5


def test_skus_and_slugs_are_unique() -> None:
    skus = Counter(catalogue.sku(goods, variant) for _, goods in GOODS for variant in goods.variants)
    slugs = Counter(goods.slug for _, goods in GOODS)

    assert {name for names in (skus, slugs) for name, n in names.items() if n > 1} == set()


@pytest.mark.parametrize(("category", "goods"), GOODS, ids=[goods.slug for _, goods in GOODS])
def test_every_article_is_whole_and_its_body_is_valid(category: Category, goods: Goods) -> None:
    body = catalogue.product_body(goods, category_id="cat_1", image_url="/media/" + "0" * 64)

    assert all((goods.about_zh, goods.about_en, goods.keywords, category.attributes))
    assert (goods.zh.isascii(), goods.en.isascii()) == (False, True)
    BulkItemBody.model_validate(body)


@pytest.mark.parametrize("category", CATEGORIES, ids=[category.key for category in CATEGORIES])
def test_every_category_and_the_shop_are_valid(category: Category) -> None:
    NewCategory.model_validate(catalogue.category_body(category))
    NewShop.model_validate(catalogue.shop_body())


def test_cleaning_takes_nothing_from_a_picture() -> None:
    for _, goods in GOODS:
        drawn = catalogue.svg(goods)
        kept = clean_svg(drawn)

        assert kept.count(b"<") == drawn.count(b"<") - drawn.count(b"></") + kept.count(b"></")
        assert kept.count(b"=") == drawn.count(b"=")


def test_every_motif_is_used_and_colours_mix() -> None:
    assert {goods.picture[0] for _, goods in GOODS} == set(MOTIFS)
    assert mixed("#000000", "#ffffff", 50) == "#7f7f7f"
