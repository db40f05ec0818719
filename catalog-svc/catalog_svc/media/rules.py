"""Which bytes are a picture, and what of an SVG may stay. Pure."""

import re
from typing import Literal
from xml.etree import ElementTree

BYTES_MAX = 5 * 1024 * 1024
Kind = Literal["image/png", "image/jpeg", "image/webp", "image/svg+xml"]

SVG = "http://www.w3.org/2000/svg"
ELEMENTS_MAX = 20_000
# What draws. No script, no style sheet, no foreign content, no animation, no link, nothing that loads.
ELEMENTS = frozenset(
    [
        "svg",
        "g",
        "defs",
        "title",
        "desc",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "linearGradient",
        "radialGradient",
        "stop",
        "clipPath",
        "mask",
        "pattern",
        "use",
        "symbol",
        "marker",
        "filter",
        "feGaussianBlur",
        "feOffset",
        "feMerge",
        "feMergeNode",
        "feColorMatrix",
        "feBlend",
        "feFlood",
        "feComposite",
        "feDropShadow",
    ]
)
ATTRIBUTES = frozenset(
    [
        "id",
        "class",
        "viewBox",
        "width",
        "height",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "fx",
        "fy",
        "d",
        "points",
        "transform",
        "fill",
        "fill-opacity",
        "fill-rule",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "stroke-dasharray",
        "stroke-dashoffset",
        "opacity",
        "offset",
        "stop-color",
        "stop-opacity",
        "gradientUnits",
        "gradientTransform",
        "spreadMethod",
        "clip-path",
        "clip-rule",
        "clipPathUnits",
        "mask",
        "maskUnits",
        "maskContentUnits",
        "patternUnits",
        "patternTransform",
        "patternContentUnits",
        "preserveAspectRatio",
        "font-family",
        "font-size",
        "font-weight",
        "font-style",
        "letter-spacing",
        "text-anchor",
        "dominant-baseline",
        "dx",
        "dy",
        "rotate",
        "textLength",
        "lengthAdjust",
        "href",
        "marker-start",
        "marker-mid",
        "marker-end",
        "markerWidth",
        "markerHeight",
        "refX",
        "refY",
        "orient",
        "markerUnits",
        "filter",
        "filterUnits",
        "primitiveUnits",
        "in",
        "in2",
        "result",
        "stdDeviation",
        "mode",
        "operator",
        "type",
        "values",
        "flood-color",
        "flood-opacity",
        "k1",
        "k2",
        "k3",
        "k4",
        "color",
        "display",
        "visibility",
        "overflow",
        "vector-effect",
        "paint-order",
        "aria-label",
        "role",
        "version",
        "xml:space",
    ]
)
_ACTIVE = re.compile(r"<!(?:DOCTYPE|ENTITY)|<\?xml-stylesheet", re.IGNORECASE)
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|javascript:|data:|expression\(|@import|\\", re.IGNORECASE)


class NotAPicture(ValueError):
    """The bytes are none of the four kinds, or broken."""


def picture(content: bytes) -> tuple[Kind, bytes]:
    """The kind and the bytes to keep: an SVG without what could act. Raises NotAPicture."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return "image/png", content
    if content.startswith(b"\xff\xd8\xff") and content.rstrip(b"\0").endswith(b"\xff\xd9"):
        return "image/jpeg", content
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", content
    return "image/svg+xml", clean_svg(content)


def clean_svg(content: bytes) -> bytes:
    """The drawing alone, written anew. Raises NotAPicture."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise NotAPicture("neither png, jpeg, webp nor svg") from fault
    if _ACTIVE.search(text):
        raise NotAPicture("an svg with a document type or a style sheet")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as fault:
        raise NotAPicture("neither png, jpeg, webp nor svg") from fault
    if root.tag != f"{{{SVG}}}svg":
        raise NotAPicture("its root is not an svg element of the SVG name space")
    if sum(1 for _ in root.iter()) > ELEMENTS_MAX:
        raise NotAPicture(f"more than {ELEMENTS_MAX} elements")
    _strip(root)
    ElementTree.register_namespace("", SVG)
    written: bytes = ElementTree.tostring(root, encoding="utf-8")
    return written


def _strip(root: ElementTree.Element) -> None:
    """Without recursion: depth is the sender's choice."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        for child in list(element):
            if isinstance(child.tag, str) and _name(child.tag) in ELEMENTS:
                waiting.append(child)
            else:
                element.remove(child)
        for name in list(element.attrib):
            if not _may_stay(_name(name), element.attrib[name]):
                del element.attrib[name]


def _name(tag: str) -> str:
    """The local name where it is plain or of the SVG name space, else something that no list has."""
    if tag.startswith("{"):
        space, _, local = tag[1:].partition("}")
        return local if space == SVG else tag
    return tag


def _may_stay(name: str, value: str) -> bool:
    if name not in ATTRIBUTES or _OUTSIDE.search(value):
        return False
    return name != "href" or value.startswith("#")
