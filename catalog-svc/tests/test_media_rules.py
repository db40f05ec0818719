"""Which bytes are a picture, and what of an SVG stays."""

import pytest

from catalog_svc.media.rules import NotAPicture, clean_svg, picture

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\x0dIHDR" + b"\x00" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20 + b"\xff\xd9"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


def svg(inside: str, attributes: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp"), (svg(""), "image/svg+xml")]
)
def test_four_kinds_are_told_by_their_bytes(content: bytes, kind: str) -> None:
    assert picture(content)[0] == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<html></html>",
        b"<svg></svg>",
        b'<svg xmlns="http://www.w3.org/2000/svg">',
        b"\xff\xfe\x00",
        JPEG[:-2],
        b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<?xml-stylesheet href="x.css"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<svg xmlns="http://www.w3.org/1999/xhtml"/>',
    ],
)
def test_anything_else_is_no_picture(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        picture(content)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)"><rect/></a>',
        "<style>@import url(x)</style>",
        "<foreignObject><body/></foreignObject>",
        '<image href="https://example.org/a.png"/>',
        '<set attributeName="href" to="javascript:alert(1)"/>',
        '<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>',
    ],
)
def test_elements_that_act_or_load_are_dropped(inside: str) -> None:
    assert clean_svg(svg(inside)) == b'<svg xmlns="http://www.w3.org/2000/svg" />'


@pytest.mark.parametrize(
    "attribute",
    [
        'onload="alert(1)"',
        'style="background:url(https://example.org)"',
        'fill="url(https://example.org/a)"',
        "fill=\"url('data:x')\"",
        'xlink:href="#a" xmlns:xlink="http://www.w3.org/1999/xlink"',
        'href="https://example.org"',
    ],
)
def test_attributes_that_act_or_load_are_dropped(attribute: str) -> None:
    assert clean_svg(svg(f"<rect {attribute}/>")) == svg("<rect />").replace(b'svg" >', b'svg">')


def test_a_drawing_stays_as_it_is() -> None:
    drawing = '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff" /></linearGradient></defs>'
    drawing += '<rect width="9" fill="url(#a)" /><use href="#a" />'

    assert drawing.encode() in clean_svg(svg(drawing))
