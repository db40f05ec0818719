"""What is wrong with products and their variants."""

import pytest

from catalog_svc.products.rules import (
    SLUG_LENGTH_MAX,
    Component,
    Media,
    Variant,
    component_flaws,
    gtin_is_valid,
    local_media,
    option_key,
    slug_of,
    variant_flaws,
)


@pytest.mark.parametrize("gtin", ["4006381333931", "96385074", "036000291452", "10614141000415"])
def test_a_gtin_with_a_fitting_check_digit_is_valid(gtin: str) -> None:
    assert gtin_is_valid(gtin)


@pytest.mark.parametrize("gtin", ["4006381333932", "4006381333930", "96385075", "400638133393", "", "40063813339AB"])
def test_a_gtin_with_another_digit_length_or_letter_is_not(gtin: str) -> None:
    assert not gtin_is_valid(gtin)


def test_options_in_another_order_are_the_same_options() -> None:
    assert option_key({"size": "M", "colour": "red"}) == option_key({"colour": "red", "size": "M"})
    assert option_key({"size": "M"}) != option_key({"size": "L"})


def found(variants: list[Variant], first: int = 0) -> list[tuple[str, str]]:
    return [(flaw.pointer, flaw.code) for flaw in variant_flaws(variants, first=first)]


def test_variants_with_distinct_options_are_sound() -> None:
    assert found([Variant("A", {"size": "S"}), Variant("B", {"size": "M"})]) == []


def test_all_flaws_of_variants_are_told_at_once() -> None:
    variants = [
        Variant("A", {"size": "S"}),
        Variant("A", {"size": "M"}),
        Variant("C", {"size": "S"}),
        Variant("D", {"colour": "red"}),
        Variant("E", {"size": "L"}, gtin="4006381333932"),
    ]

    assert found(variants) == [
        ("/variants/1/sku", "repeated-sku"),
        ("/variants/2/options", "repeated-options"),
        ("/variants/3/options", "other-options"),
        ("/variants/4/gtin", "wrong-gtin"),
    ]


def test_variants_that_stand_already_are_not_blamed() -> None:
    standing = Variant("A", {"size": "S"})

    assert found([standing, Variant("B", {"size": "S"})], first=1) == [("/variants/0/options", "repeated-options")]


def test_a_bundle_consists_of_plain_skus_other_than_itself() -> None:
    bundle = Variant("SET", components=(Component("A", 2), Component("SET", 1), Component("NONE", 1)))

    flaws = component_flaws([bundle], frozenset({"A", "SET"}))

    assert [flaw.pointer for flaw in flaws] == ["/variants/0/components/1/sku", "/variants/0/components/2/sku"]


def test_a_slug_is_readable_and_has_its_tail() -> None:
    assert slug_of({"en": "Green Tea, 100 g!"}, "abc") == "green-tea-100-g-abc"
    assert slug_of({"zh": "绿茶"}, "abc") == "abc"
    assert len(slug_of({"en": "word " * 60}, "abc")) <= SLUG_LENGTH_MAX


def test_only_our_own_pictures_have_to_be_known() -> None:
    ours = Media("/media/" + "a" * 64)

    assert local_media([Media("https://example.org/a.png"), ours]) == {"/media/1/url": "a" * 64}
