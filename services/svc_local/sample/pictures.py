"""Pictures of the sample goods: a soft stage, a shadow, and the motif of the article in its two colours. Pure."""

from collections.abc import Callable

SIZE = 600
Motif = Callable[[str, str], str]


def picture(motif: str, colour: str, light: str) -> str:
    """An SVG of 600 × 600. `colour` is the article's own, `light` that of the stage behind it."""
    drawn = MOTIFS[motif](colour, mixed(colour, "#ffffff", 55))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">'
        f'<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{light}"/>'
        f'<stop offset="1" stop-color="{mixed(light, colour, 82)}"/></linearGradient>'
        f'<linearGradient id="body" x1="0" y1="0" x2="1" y2="1">'
        f'<stop offset="0" stop-color="{mixed(colour, "#ffffff", 82)}"/>'
        f'<stop offset="1" stop-color="{mixed(colour, "#000000", 88)}"/></linearGradient></defs>'
        f'<rect width="{SIZE}" height="{SIZE}" fill="url(#sky)"/>'
        f'<circle cx="300" cy="285" r="215" fill="#ffffff" fill-opacity="0.45"/>'
        f'<ellipse cx="300" cy="478" rx="170" ry="20" fill="{mixed(colour, "#000000", 60)}" fill-opacity="0.18"/>'
        f"{drawn}</svg>"
    )


def mixed(one: str, other: str, percent_of_one: int) -> str:
    """A colour between two, as `#rrggbb`."""
    parts = [
        (int(one[n : n + 2], 16) * percent_of_one + int(other[n : n + 2], 16) * (100 - percent_of_one)) // 100
        for n in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def rect(x: int, y: int, width: int, height: int, radius: int, fill: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}"/>'


def path(d: str, fill: str) -> str:
    return f'<path d="{d}" fill="{fill}"/>'


def line(d: str, stroke: str, width: int) -> str:
    return (
        f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linecap="round" '
        'stroke-linejoin="round"/>'
    )


def disc(x: int, y: int, radius: int, fill: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}"/>'


BODY = "url(#body)"
WHITE = "#ffffff"


def tin(colour: str, pale: str) -> str:
    leaf = "M300 330 C250 300 250 250 300 220 C350 250 350 300 300 330 Z"
    return (
        rect(205, 190, 190, 285, 22, BODY)
        + rect(195, 140, 210, 70, 18, colour)
        + rect(225, 235, 150, 175, 10, pale)
        + path(leaf, colour)
        + line("M300 325 L300 370", colour, 6)
    )


def box(colour: str, pale: str) -> str:
    return (
        rect(165, 225, 270, 250, 14, BODY)
        + rect(150, 180, 300, 70, 12, colour)
        + rect(280, 180, 40, 295, 0, pale)
        + path("M300 180 C250 110 190 130 215 180 Z M300 180 C350 110 410 130 385 180 Z", pale)
    )


def cup(colour: str, pale: str) -> str:
    steam = "M260 190 C245 165 275 150 260 120 M310 190 C295 165 325 150 310 120"
    return (
        line("M395 290 C470 280 470 390 385 385", colour, 22)
        + path("M180 235 L410 235 L385 440 Q380 470 350 470 L240 470 Q210 470 205 440 Z", BODY)
        + f'<ellipse cx="295" cy="235" rx="115" ry="22" fill="{pale}"/>'
        + line(steam, colour, 8)
    )


def teapot(colour: str, pale: str) -> str:
    return (
        line("M420 290 C520 270 520 400 415 405", colour, 24)
        + path("M195 340 L110 265 L140 250 L215 300 Z", colour)
        + f'<ellipse cx="310" cy="370" rx="135" ry="105" fill="{BODY}"/>'
        + f'<ellipse cx="310" cy="275" rx="80" ry="24" fill="{pale}"/>'
        + disc(310, 245, 20, colour)
    )


def bottle(colour: str, pale: str) -> str:
    return (
        rect(230, 190, 140, 285, 34, BODY)
        + rect(245, 125, 110, 70, 16, colour)
        + rect(255, 240, 26, 180, 13, pale)
        + line("M262 125 C262 85 338 85 338 125", colour, 14)
    )


def board(colour: str, pale: str) -> str:
    grain = "M200 250 H400 M200 300 H400 M200 350 H400 M200 400 H400"
    return (
        rect(175, 190, 250, 285, 26, BODY)
        + rect(270, 110, 60, 100, 26, colour)
        + disc(300, 145, 13, WHITE)
        + line(grain, pale, 5)
    )


def pan(colour: str, pale: str) -> str:
    return (
        line("M425 330 L545 280", colour, 30)
        + path("M120 300 H450 C450 420 370 470 285 470 C200 470 120 420 120 300 Z", BODY)
        + f'<ellipse cx="285" cy="300" rx="165" ry="36" fill="{pale}"/>'
        + line("M230 235 C215 205 250 190 235 160 M320 235 C305 205 340 190 325 160", colour, 8)
    )


def pot(colour: str, pale: str) -> str:
    return (
        line("M165 320 C120 320 120 380 165 380 M435 320 C480 320 480 380 435 380", colour, 20)
        + rect(165, 275, 270, 200, 34, BODY)
        + path("M150 275 C150 210 450 210 450 275 Z", colour)
        + disc(300, 210, 20, pale)
    )


def knife(colour: str, pale: str) -> str:
    wave = "M150 325 C200 305 230 345 280 325 S360 345 400 320"
    return (
        '<g transform="rotate(-28 300 300)">'
        + path("M110 270 H410 V360 H250 C180 360 130 320 110 270 Z", BODY)
        + line(wave, pale, 5)
        + rect(405, 272, 130, 46, 20, mixed(colour, "#4a2f1d", 40))
        + "</g>"
    )


def bowl(colour: str, pale: str) -> str:
    return (
        path("M140 270 H460 C460 400 380 455 300 455 C220 455 140 400 140 270 Z", BODY)
        + f'<ellipse cx="300" cy="270" rx="160" ry="38" fill="{pale}"/>'
        + rect(245, 448, 110, 26, 10, colour)
        + line("M165 335 C220 375 380 375 435 335", pale, 8)
    )


def spoon(colour: str, pale: str) -> str:
    one = '<g transform="rotate({turn} 300 470)">' + rect(288, 230, 24, 240, 12, pale)
    heads = [
        rect(262, 110, 76, 135, 22, colour),
        f'<ellipse cx="300" cy="180" rx="44" ry="66" fill="{BODY}"/>',
        rect(268, 120, 64, 120, 12, BODY),
    ]
    return "".join(one.format(turn=turn) + head + "</g>" for turn, head in zip((-26, 0, 26), heads, strict=True))


def duvet(colour: str, pale: str) -> str:
    seams = "M130 360 H470 M215 290 V455 M300 290 V455 M385 290 V455"
    return (
        rect(110, 285, 380, 185, 44, BODY)
        + rect(140, 205, 150, 95, 40, pale)
        + rect(310, 205, 150, 95, 40, pale)
        + line(seams, pale, 6)
    )


def pillow(colour: str, pale: str) -> str:
    shape = (
        "M140 230 C210 205 390 205 460 230 C485 300 485 370 460 440 C390 465 210 465 140 440 C115 370 115 300 140 230 Z"
    )
    return path(shape, BODY) + line("M190 290 C260 320 340 320 410 290 M220 380 C270 360 330 360 380 380", pale, 8)


def blanket(colour: str, pale: str) -> str:
    stripes = "M160 250 H440 M160 320 H440 M160 390 H440"
    fringe = " ".join(f"M{x} 455 V480" for x in range(175, 440, 25))
    return rect(150, 175, 300, 285, 26, BODY) + line(stripes, pale, 16) + line(fringe, colour, 6)


def curtain(colour: str, pale: str) -> str:
    folds = (
        "M190 180 C180 300 205 380 185 470 M235 180 C230 300 250 380 235 470 M365 180 C370 300 350 380 365 470 M410 180"
    )
    return (
        path("M150 170 H290 C285 300 250 400 255 475 H150 Z", BODY)
        + path("M310 170 H450 V475 H345 C350 400 315 300 310 170 Z", BODY)
        + line("M120 160 H480", colour, 16)
        + line(folds, pale, 7)
    )


def notebook(colour: str, pale: str) -> str:
    dots = "".join(disc(x, y, 4, pale) for x in range(270, 400, 32) for y in range(190, 440, 32))
    return (
        rect(185, 140, 240, 335, 16, BODY)
        + rect(185, 140, 46, 335, 16, colour)
        + dots
        + rect(372, 140, 14, 335, 0, pale)
    )


def pen(colour: str, pale: str) -> str:
    return (
        '<g transform="rotate(35 300 300)">'
        + rect(272, 90, 56, 280, 24, BODY)
        + rect(272, 300, 56, 70, 0, pale)
        + path("M272 370 H328 L304 465 H296 Z", colour)
        + rect(318, 110, 12, 120, 6, pale)
        + "</g>"
    )


def palette(colour: str, pale: str) -> str:
    paints = ("#d64550", "#e8a33d", "#f2d04b", "#6aa84f", "#3d85c6", "#674ea7", "#8d6e63", "#20363f")
    pans = "".join(rect(150 + 78 * (n % 4), 240 + 90 * (n // 4), 62, 70, 10, paint) for n, paint in enumerate(paints))
    return (
        rect(125, 205, 350, 240, 26, WHITE)
        + rect(125, 205, 350, 22, 11, colour)
        + pans
        + line("M150 470 L440 150", pale, 14)
    )


def tape(colour: str, pale: str) -> str:
    rolls = [(230, 350, colour), (370, 350, mixed(colour, "#d98c5f", 50)), (300, 240, mixed(colour, "#4f7fb5", 50))]
    return "".join(disc(x, y, 88, fill) + disc(x, y, 60, pale) + disc(x, y, 42, WHITE) for x, y, fill in rolls)


def bag(colour: str, pale: str) -> str:
    return (
        line("M240 190 C240 105 360 105 360 190", colour, 20)
        + path("M190 180 H410 C450 260 450 400 430 475 H170 C150 400 150 260 190 180 Z", BODY)
        + rect(205, 320, 190, 130, 24, pale)
        + line("M225 355 H375", colour, 8)
        + rect(225, 215, 150, 14, 7, pale)
    )


def shelf(colour: str, pale: str) -> str:
    books = (
        (200, "#c75b5b", 150),
        (238, "#e0b84c", 175),
        (276, "#5b93a7", 135),
        (332, "#6f9a6a", 165),
        (370, "#8a6fa8", 145),
    )
    drawn = "".join(rect(x, 440 - height, 32, height, 4, fill) for x, fill, height in books)
    return (
        rect(160, 440, 280, 32, 8, BODY)
        + rect(160, 250, 28, 200, 8, BODY)
        + rect(412, 250, 28, 200, 8, BODY)
        + drawn
        + rect(160, 240, 280, 10, 5, pale)
    )


def tent(colour: str, pale: str) -> str:
    return (
        path("M300 150 L500 470 H100 Z", BODY)
        + path("M300 150 L375 470 H225 Z", pale)
        + path("M300 260 L345 470 H255 Z", colour)
        + line("M300 150 L300 118 M100 470 L70 482 M500 470 L530 482", colour, 7)
    )


def sleepingbag(colour: str, pale: str) -> str:
    quilt = "M205 250 C260 270 340 270 395 250 M200 310 H400 M205 370 C260 390 340 390 395 370 M220 425 H380"
    return (
        path(
            "M300 110 C390 110 420 190 405 300 L375 445 Q365 478 330 478 H270 Q235 478 225 445 "
            "L195 300 C180 190 210 110 300 110 Z",
            BODY,
        )
        + disc(300, 180, 46, pale)
        + line(quilt, pale, 7)
    )


def pole(colour: str, pale: str) -> str:
    shafts = line("M225 150 L285 470 M375 150 L315 470", colour, 10)
    return shafts + line("M225 150 L236 205 M375 150 L364 205", pale, 24) + line("M262 440 H338", pale, 10)


def lamp(colour: str, pale: str) -> str:
    return (
        path("M215 140 H385 L440 280 H160 Z", BODY)
        + path("M190 290 H410 L470 440 H130 Z", "#fff6cf")
        + rect(288, 280, 24, 170, 8, colour)
        + rect(220, 446, 160, 28, 14, colour)
        + disc(300, 130, 14, pale)
    )


def chair(colour: str, pale: str) -> str:
    return (
        line("M195 470 L385 300 M405 470 L215 300", mixed(colour, "#000000", 55), 14)
        + path("M190 150 H410 L395 320 C350 350 250 350 205 320 Z", BODY)
        + path("M190 320 C250 355 350 355 410 320 L425 360 C350 400 250 400 175 360 Z", pale)
    )


def jacket(colour: str, pale: str) -> str:
    return (
        path("M235 140 L150 200 L105 400 L165 415 L200 290 V475 H400 V290 L435 415 L495 400 L450 200 L365 140 Z", BODY)
        + path("M235 140 C250 200 350 200 365 140 C340 110 260 110 235 140 Z", colour)
        + line("M300 190 V470", pale, 7)
        + rect(225, 370, 52, 12, 6, pale)
        + rect(323, 370, 52, 12, 6, pale)
    )


def cable(colour: str, pale: str) -> str:
    return (
        line("M150 400 C150 180 300 180 300 300 S450 420 450 220", colour, 20)
        + line("M150 400 C150 180 300 180 300 300 S450 420 450 220", pale, 5)
        + rect(122, 385, 56, 84, 16, BODY)
        + rect(422, 150, 56, 84, 16, BODY)
        + rect(136, 465, 28, 18, 5, pale)
        + rect(436, 136, 28, 18, 5, pale)
    )


def charger(colour: str, pale: str) -> str:
    ports = rect(225, 285, 60, 20, 10, pale) + rect(225, 325, 60, 20, 10, pale) + rect(225, 365, 60, 26, 4, pale)
    return (
        rect(185, 190, 230, 280, 40, BODY)
        + ports
        + disc(365, 300, 9, "#8ee08e")
        + rect(240, 140, 20, 55, 6, colour)
        + rect(340, 140, 20, 55, 6, colour)
    )


def keyboard(colour: str, pale: str) -> str:
    keys = "".join(
        rect(122 + 44 * n, 265 + 46 * row, 36, 36, 7, colour if (n, row) in ((0, 0), (7, 2)) else pale)
        for row in range(3)
        for n in range(8)
    )
    return rect(95, 235, 410, 215, 26, BODY) + keys + rect(210, 404, 180, 32, 7, pale) + disc(483, 252, 12, pale)


def mouse(colour: str, pale: str) -> str:
    return (
        f'<ellipse cx="300" cy="320" rx="110" ry="155" fill="{BODY}"/>'
        + line("M300 170 V300 M195 300 H405", pale, 6)
        + rect(287, 205, 26, 62, 13, colour)
    )


def earbuds(colour: str, pale: str) -> str:
    def bud(x: int, side: int) -> str:
        return (
            rect(x - 16, 210, 32, 150, 16, BODY)
            + disc(x + side * 14, 210, 48, colour)
            + disc(x + side * 34, 205, 20, pale)
        )

    return bud(235, 1) + bud(365, -1) + rect(190, 385, 220, 88, 40, BODY) + line("M190 420 H410", pale, 5)


def stand(colour: str, pale: str) -> str:
    return (
        path("M130 300 L420 230 L432 262 L142 332 Z", BODY)
        + line("M200 320 L330 462 M360 255 L240 462", colour, 20)
        + rect(160, 455, 280, 20, 10, colour)
        + path("M150 290 L205 150 L440 175 L415 228 Z", pale)
    )


def speaker(colour: str, pale: str) -> str:
    return (
        rect(200, 150, 200, 325, 60, BODY)
        + disc(300, 370, 66, pale)
        + disc(300, 370, 34, colour)
        + disc(300, 235, 36, pale)
        + disc(300, 235, 16, colour)
    )


MOTIFS: dict[str, Motif] = {
    motif.__name__: motif
    for motif in (
        bag, blanket, board, bottle, bowl, box, cable, chair, charger, cup, curtain, duvet, earbuds, jacket, keyboard,
        knife, lamp, mouse, notebook, palette, pan, pen, pillow, pole, pot, shelf, sleepingbag, speaker, spoon, stand,
        tape, teapot, tent, tin,
    )
}  # fmt: skip
