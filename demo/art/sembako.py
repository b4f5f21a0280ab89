"""Groceries."""

from art.camilan import chilli
from art.canvas import darker, lighter
from art.packs import CREAM, bottle, jar, patch, scatter
from art.scene import GROUND, garlic, leaf, shadow, sparkle


def rice_ear(brush, x, y, scale, angle, colour="#d9a62e"):
    """A bent ear of ripe rice; it grows up from (x, y)."""
    with brush.moved(x, y, angle, scale):
        brush.path("M0 0 C-4 -60 6 -110 46 -140", stroke="#7a9a3a", width=5)
        for step in range(7):
            px, py = step * step * 0.9, -52 - step * 14
            brush.ellipse(px - 9, py, 12, 6, colour, angle=55)
            brush.ellipse(px + 11, py - 2, 12, 6, lighter(colour, 0.25), angle=-40 + step * 6)


def beras(brush, mood, random):
    """A tied sack of rice with a heap of grains."""
    shadow(brush, 312, 160, mood)
    sack = "#f4ead4"
    outline = (
        "M246 176 C220 196 176 214 172 282 C166 350 160 430 172 486 Q176 512 208 512 L418 512 "
        "Q450 512 454 486 C466 430 460 350 454 282 C450 214 404 196 378 176 Z"
    )
    brush.path(
        "M250 178 C226 140 214 120 226 104 C252 118 262 96 284 100 C304 84 322 106 342 96 "
        "C362 112 380 96 400 106 C408 124 396 146 376 178 Z",
        sack,
    )
    brush.path(
        "M342 96 C362 112 380 96 400 106 C408 124 396 146 376 178 L330 178 Z", darker(sack, 0.12)
    )
    brush.path(
        "M272 172 L262 126 M300 172 L298 122 M330 172 L336 124", stroke=darker(sack, 0.22), width=4
    )
    brush.path(outline, sack)
    with brush.clip(outline):
        brush.path("M398 170 C426 260 424 420 396 520 L480 520 L480 170 Z", darker(sack, 0.12))
        brush.rect(150, 462, 330, 14, 0, "#4b752c")
        brush.rect(150, 484, 330, 8, 0, "#d9a62e")
        brush.path(
            "M262 180 C256 200 244 214 230 226 M318 180 L318 206 M368 180 C374 200 384 212 396 222",
            stroke=darker(sack, 0.2),
            width=4,
        )
    brush.rect(236, 162, 152, 22, 11, "#a5622c")
    brush.path("M250 173 L374 173", stroke="#c98a4e", width=4)
    brush.circle(313, 344, 98, "#4b752c")
    brush.circle(313, 344, 89, stroke="#e9c46a", width=3)
    brush.text(313, 286, "Toko Sari", 25, "#f7e3a8", "Lobster Two")
    brush.text(313, 328, "BERAS", 46, "#fffaf0")
    brush.text(313, 366, "Pandan Wangi", 22, "#fffaf0", limit=146)
    brush.text(313, 400, "5 kg", 26, "#f7e3a8")
    brush.path("M398 512 C424 470 462 446 486 448 C512 450 544 486 556 512 Z", "#fffaf0")
    brush.path("M500 454 C520 464 544 490 556 512 L512 512 Z", "#eee0c4")
    for x, y, angle in scatter(random, 424, 470, 540, 512, 22):
        if abs(x - 486) < (y - 440) * 0.95:
            brush.ellipse(x, y, 8, 3.4, "#e2d2b0", angle=angle)
    for x, y, angle in ((390, 516, 20), (372, 508, -30), (566, 508, 40), (350, 518, 5)):
        brush.ellipse(x, y, 9, 4, "#fffaf0", angle=angle)
    rice_ear(brush, 150, 510, 1.35, -22)
    rice_ear(brush, 138, 512, 1.05, -48)


def sugar_block(brush, x, y, scale=1.0):
    """A half-dome of palm sugar, flat side down."""
    brown = "#8a4a22"
    with brush.moved(x, y, 0, scale):
        brush.path("M-76 0 C-76 -74 -40 -92 0 -92 C40 -92 76 -74 76 0 Q0 18 -76 0 Z", brown)
        brush.path(
            "M26 -90 C56 -80 76 -60 76 0 Q50 8 14 9 C44 -20 46 -60 26 -90 Z", darker(brown, 0.25)
        )
        brush.path("M-58 -22 C-54 -56 -34 -74 -12 -78", stroke="#b9763f", width=8)
        brush.circle(-30, -26, 4, "#a8632f")
        brush.circle(0, -50, 3, "#a8632f")
        brush.circle(-4, -16, 4, "#a8632f")


def gula_aren(brush, mood, random):
    """Blocks of palm sugar on a woven plate, one wrapped in leaf."""
    brush.ellipse(320, 508, 210, 20, darker(mood.stage, 0.3))
    sugar_block(brush, 250, 330, 1.0)
    sugar_block(brush, 400, 330, 1.0)
    sugar_block(brush, 325, 242, 1.0)
    sugar_block(brush, 178, 424, 1.1)
    sugar_block(brush, 470, 424, 1.1)
    sugar_block(brush, 324, 430, 1.2)
    brush.path(
        "M104 420 L536 420 C520 484 470 506 430 508 L210 508 C170 506 120 484 104 420 Z", "#d8ab66"
    )
    with brush.clip(
        "M104 420 L536 420 C520 484 470 506 430 508 L210 508 C170 506 120 484 104 420 Z"
    ):
        for row, y in enumerate(range(424, 512, 22)):
            for x in range(96 + (row % 2) * 24, 540, 48):
                brush.rect(x, y, 40, 17, 6, "#c08c48")
        brush.rect(440, 410, 120, 110, 0, "#2a14081e")
    brush.rect(92, 406, 456, 28, 14, "#e6c285")
    for x in range(112, 540, 30):
        brush.path(f"M{x} 408 L{x + 14} 432", stroke="#c08c48", width=5)
    brush.path("M248 414 L396 414 L410 500 Q328 520 234 500 Z", CREAM)
    brush.path("M256 422 L388 422 L400 494 Q328 510 244 494 Z", stroke="#8a4a22", width=2.5)
    brush.text(322, 442, "Toko Sari", 22, "#8a4a22", "Lobster Two")
    brush.text(322, 472, "Gula Aren", 29, "#5b3322")
    leaf(brush, 488, 330, 104, -62, "#5f9438")
    leaf(brush, 488, 332, 88, -18, "#76a84a")
    sparkle(brush, 212, 196, 18)
    sparkle(brush, 428, 176, 14)


def coconut_half(brush, x, y, scale):
    """An opened coconut seen slightly from above."""
    with brush.moved(x, y, 0, scale):
        brush.path("M-80 -14 C-80 56 -40 76 0 76 C40 76 80 56 80 -14 Z", "#7a4a2a")
        brush.path("M30 72 C64 60 80 36 80 -14 L46 -14 C48 30 44 54 30 72 Z", "#5b3420")
        for d in ("M-62 14 L-54 28", "M-30 34 L-24 50", "M4 40 L6 56", "M-50 44 L-42 54"):
            brush.path(d, stroke="#9c6a42", width=5)
        brush.ellipse(0, -14, 80, 32, "#5b3420")
        brush.ellipse(0, -14, 73, 28, "#fffdf6")
        brush.ellipse(0, -8, 52, 18, "#e6e8dc")
        brush.ellipse(4, -5, 42, 12, "#f3f5ec")


def minyak(brush, mood, random):
    """A bottle of golden coconut oil and half a coconut."""
    shadow(brush, 270, 112, mood)
    leaf(brush, 186, 510, 118, -112, "#5f9438")
    leaf(brush, 190, 512, 92, -150, "#76a84a")
    bottle(brush, 270, GROUND, 190, 420, "#f2c94c", "#4b752c", glass="#fbeec2")
    patch(brush, 270, 376, 164, 170, "#4b752c", "Minyak", "kelapa · 1 liter")
    brush.path(
        "M262 262 C262 244 272 232 272 232 C272 232 284 248 284 262 C284 278 262 278 262 262 Z",
        "#fff4cf",
    )
    shadow(brush, 446, 84, mood)
    coconut_half(brush, 446, 432, 1.05)
    with brush.moved(380, 490, 0, 1):
        brush.path("M-30 20 C-24 -16 10 -26 34 -12 C22 -6 0 0 -8 20 Z", "#fffdf6")
        brush.path("M-30 20 C-24 -16 10 -26 34 -12", stroke="#7a4a2a", width=6)
    leaf(brush, 500, 420, 112, -58, "#5f9438")
    leaf(brush, 506, 424, 80, -14, "#76a84a")
    sparkle(brush, 396, 190, 20)


def egg(brush, x, y, scale, colour):
    """A brown egg standing upright with its centre at (x, y)."""
    with brush.moved(x, y, 0, scale):
        brush.path(
            "M0 -58 C30 -58 46 -8 46 14 C46 42 26 56 0 56 C-26 56 -46 42 -46 14 "
            "C-46 -8 -30 -58 0 -58 Z",
            colour,
        )
        brush.path(
            "M20 -46 C38 -30 46 -4 46 14 C46 42 26 56 0 56 C30 36 36 -10 20 -46 Z",
            darker(colour, 0.13),
        )
        brush.ellipse(-17, -18, 8, 17, lighter(colour, 0.5), angle=18)


def telur(brush, mood, random):
    """An open carton of brown eggs, with straw."""
    shadow(brush, 320, 214, mood)
    shades = ("#e2a878", "#d99a68", "#ebbb90", "#dca070", "#e6b083")
    lid = "#8fa0a8"
    brush.path("M126 214 L514 214 L536 366 L104 366 Z", lid)
    brush.path("M144 230 L496 230 L512 350 L128 350 Z", darker(lid, 0.18))
    brush.rect(232, 254, 176, 70, 14, CREAM)
    brush.text(320, 275, "Toko Sari", 22, "#4b752c", "Lobster Two")
    brush.text(320, 303, "ayam kampung", 21, "#5b3322")
    for i, x in enumerate((162, 241, 320, 399, 478)):
        egg(brush, x, 366, 0.78, shades[(i + 2) % 5])
    for i, x in enumerate((150, 235, 320, 405, 490)):
        egg(brush, x, 404, 0.95, shades[i])
    tray = "#a7b6bd"
    brush.path(
        "M92 420 Q108 420 118 432 Q150 470 182 432 Q192 420 204 432 Q236 470 267 432 "
        "Q278 420 288 432 "
        "Q320 470 352 432 Q362 420 373 432 Q405 470 437 432 Q448 420 458 432 Q490 470 522 432 "
        "Q532 420 548 420 "
        "L530 498 Q527 512 512 512 L128 512 Q113 512 110 498 Z",
        tray,
    )
    brush.path(
        "M104 470 L536 470 L530 498 Q527 512 512 512 L128 512 Q113 512 110 498 Z",
        darker(tray, 0.12),
    )
    for x in (193, 278, 362, 447):
        brush.path(f"M{x} 446 L{x} 498", stroke=darker(tray, 0.22), width=6)
    brush.rect(258, 476, 124, 26, 13, "#4b752c")
    brush.text(320, 489, "10 butir", 19, "#fffaf0")
    for x, y, angle in ((92, 506, -20), (108, 512, 10), (540, 508, 24), (556, 514, -8)):
        with brush.moved(x, y, angle):
            brush.path("M-26 0 Q0 -8 26 2", stroke="#e0b84c", width=5)
    with brush.moved(528, 222, 24, 0.9):
        brush.path("M0 60 C-36 20 -24 -50 4 -80 C34 -44 38 20 0 60 Z", "#fffaf0")
        brush.path("M0 60 C36 20 34 -44 4 -80 Z", "#ead9bd")
        brush.path("M0 84 L2 -60", stroke="#c9a878", width=4)


def sambal(brush, mood, random):
    """A jar of sambal with chillies, shallots and garlic."""
    shadow(brush, 320, 124, mood)

    def paste():
        brush.rect(200, 210, 260, 310, 0, "#c62f1d")
        brush.path(
            "M200 236 C240 218 280 246 330 230 C380 218 410 242 450 230 L450 180 L200 180 Z",
            "#fffdf6",
        )
        for x, y, angle in scatter(random, 214, 256, 440, 510, 34):
            brush.ellipse(
                x, y, 7, 3, ("#f0a04a", "#8f1c12", "#e85a3a")[int(angle) % 3], angle=angle
            )

    jar(brush, 320, GROUND, 226, 310, "#2b2b2b", paste)
    patch(brush, 320, 376, 180, 148, "#a52a1c", "Sambal", "bawang · 150 g")
    chilli(brush, 178, 470, 1.0, -24)
    chilli(brush, 170, 502, 0.95, 6, "#b81f18")
    garlic(brush, 470, 470, 0.82)
    for x, y, scale, angle in ((526, 484, 0.62, 20), (436, 500, 0.46, -30)):
        with brush.moved(x, y, angle, scale):
            brush.path(
                "M0 -66 C-4 -40 -44 -30 -44 4 C-44 34 -20 40 0 40 C20 40 44 34 44 4 "
                "C44 -30 6 -40 0 -66 Z",
                "#b0446a",
            )
            brush.path("M14 -34 C44 -20 54 32 10 40 C28 16 28 -12 14 -34 Z", "#862e50")
            brush.path("M-14 -28 C-32 -6 -30 20 -14 34", stroke="#dc86a4", width=5)
    sparkle(brush, 470, 196, 18)
    sparkle(brush, 176, 250, 14)


PICTURES = {
    "SEMBAKO-01": ("Beras Pandan Wangi", beras),
    "SEMBAKO-02": ("Gula Aren Cetak", gula_aren),
    "SEMBAKO-03": ("Minyak Kelapa", minyak),
    "SEMBAKO-04": ("Telur Ayam Kampung", telur),
    "SEMBAKO-05": ("Sambal Bawang", sambal),
}
