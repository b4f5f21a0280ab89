"""Gifts."""

import math

from art.canvas import darker, lighter
from art.packs import CREAM
from art.scene import ceplok, kawung, leaf, shadow, sparkle


def bow(brush, x, y, scale, colour):
    """A ribbon bow whose knot is at (x, y)."""
    with brush.moved(x, y, 0, scale):
        for side in (-1, 1):
            brush.path(
                f"M0 0 L{side * 30} 70 L{side * 52} 52 L{side * 74} 62 Q{side * 40} 20 0 0 Z",
                darker(colour, 0.16),
            )
            brush.path(
                f"M0 0 C{side * 30} -70 {side * 108} -76 {side * 104} -20 "
                f"C{side * 102} 26 {side * 40} 22 0 0 Z",
                colour,
            )
            brush.path(
                f"M{side * 16} -6 C{side * 40} -40 {side * 82} -44 {side * 80} -18 "
                f"C{side * 78} 4 {side * 40} 4 {side * 16} -6 Z",
                darker(colour, 0.28),
            )
        brush.rect(-19, -20, 38, 38, 13, lighter(colour, 0.15))


def kotak(brush, mood, random):
    """A batik gift box with a gold bow and a card."""
    shadow(brush, 320, 178, mood)
    box, gold = "#8f2a3f", "#e9b949"
    brush.rect(164, 280, 312, 232, 10, box)
    with brush.clip("M164 290 L476 290 L476 512 L164 512 Z"):
        with brush.moved(164, 290):
            kawung(brush, 312, 222, 52, "#d98a6a")
        for x in range(164, 490, 52):
            for y in range(290, 520, 52):
                brush.circle(x + 26, y + 26, 4, gold)
        brush.rect(424, 280, 60, 240, 0, "#2a140838")
    brush.rect(296, 280, 48, 232, 0, gold)
    brush.rect(330, 280, 14, 232, 0, darker(gold, 0.2))
    brush.rect(146, 220, 348, 74, 10, darker(box, 0.2))
    with brush.clip("M146 220 L494 220 L494 282 L146 282 Z"):
        brush.rect(146, 220, 348, 64, 10, lighter(box, 0.08))
        with brush.moved(146, 225):
            ceplok(brush, 348, 64, 52, "#d98a6a")
        brush.rect(442, 220, 60, 74, 0, "#2a140838")
    brush.rect(296, 220, 48, 74, 0, gold)
    brush.rect(330, 220, 14, 74, 0, darker(gold, 0.2))
    bow(brush, 320, 214, 1.2, gold)
    brush.path("M356 300 C392 316 410 330 420 352", stroke=CREAM, width=4)
    with brush.moved(428, 404, 9):
        brush.rect(-62, -50, 124, 100, 10, darker(box, 0.4))
        brush.rect(-62, -54, 124, 100, 10, CREAM)
        brush.circle(-4, -42, 5, box)
        brush.text(0, -14, "untukmu", 25, "#a5324a", "Lobster Two")
        brush.path("M0 32 C-30 12 -18 -4 0 10 C18 -4 30 12 0 32 Z", "#d2455c")
    sparkle(brush, 150, 180, 20)
    sparkle(brush, 500, 162, 16)
    for x, y, angle in ((124, 506, -30), (520, 506, -148)):
        leaf(brush, x, y, 50, angle, "#7f9f4a")


def mug(brush, mood, random):
    """A cream mug with a painted kawung band."""
    shadow(brush, 300, 158, mood)
    brush.path("M436 260 C548 244 548 424 432 416", stroke=darker("#fffaf2", 0.12), width=36)
    brush.path("M436 256 C540 244 540 416 432 408", stroke="#fffaf2", width=28)
    body = "M156 190 L444 190 L438 466 Q436 512 392 512 L208 512 Q164 512 162 466 Z"
    brush.path(body, "#fffaf2")
    with brush.clip(body):
        brush.rect(150, 270, 300, 152, 0, "#2f4f86")
        with brush.moved(150, 282):
            kawung(brush, 300, 120, 64, "#f3e4c4")
            for x in range(0, 330, 64):
                for y in (0, 64, 128):
                    brush.circle(x + 32, y + 32, 6, "#e9b949")
        for y in (262, 418):
            brush.rect(150, y, 300, 12, 0, "#e9b949")
        brush.path("M384 180 C396 300 392 440 362 520 L460 520 L460 180 Z", "#2a14081f")
        brush.rect(178, 222, 15, 240, 7, "#ffffff88")
    brush.ellipse(300, 190, 144, 27, "#efe3d0")
    brush.ellipse(300, 194, 128, 20, "#7a4526")
    brush.path(
        "M184 202 C220 184 260 196 300 190 C350 184 390 196 420 200 C400 210 360 214 300 214 "
        "C240 214 200 210 184 202 Z",
        "#935a36",
    )
    brush.text(300, 476, "Toko Sari", 27, "#a5324a", "Lobster Two")
    for dx, lift in ((-40, 6), (0, 0), (40, 6)):
        with brush.moved(300 + dx, 168 + lift, 0, 1.05):
            brush.path("M0 0 C-18 -18 18 -34 0 -54 C-12 -68 8 -78 4 -88", stroke="#fffaf2", width=8)
    with brush.moved(500, 500, 0, 0.9):
        brush.rect(-52, -40, 104, 52, 8, "#a5324a")
        brush.rect(-8, -40, 16, 52, 0, "#e9b949")
        brush.rect(-58, -54, 116, 20, 6, darker("#a5324a", 0.2))
        brush.rect(-8, -54, 16, 20, 0, "#e9b949")
        bow(brush, 0, -56, 0.34, "#e9b949")


def tas(brush, mood, random):
    """A canvas tote with a batik pocket."""
    shadow(brush, 320, 158, mood)
    canvas = "#f2e3c6"
    brush.path("M250 226 C246 70 394 70 390 226", stroke=darker("#8a4a22", 0.1), width=20)
    brush.path("M250 232 C246 92 394 92 390 232", stroke="#a5622c", width=18)
    leaf(brush, 432, 226, 96, -62, "#5f9438")
    leaf(brush, 424, 226, 84, -104, "#76a84a")
    body = "M170 214 L470 214 L488 494 Q488 512 468 512 L172 512 Q152 512 152 494 Z"
    brush.path(body, canvas)
    with brush.clip(body):
        brush.path("M424 200 C440 330 440 430 410 520 L500 520 L490 200 Z", darker(canvas, 0.1))
        brush.rect(150, 214, 340, 30, 0, darker(canvas, 0.13))
        brush.path("M160 236 L484 236", stroke="#c9ad7a", width=3)
    for x in (250, 390):
        brush.rect(x - 15, 222, 30, 50, 5, "#a5622c")
        brush.path(
            f"M{x - 8} 240 L{x + 8} 262 M{x + 8} 240 L{x - 8} 262", stroke="#e6c285", width=3
        )
    pocket = "M206 300 L434 300 L440 460 Q440 482 418 482 L222 482 Q200 482 200 460 Z"
    brush.path(pocket, "#27496d")
    with brush.clip(pocket):
        with brush.moved(222, 314):
            ceplok(brush, 240, 180, 76, "#f3d9a4")
            for row in range(4):
                for column in range(5):
                    brush.circle(column * 76, row * 76, 7, "#d2554a")
        brush.rect(190, 300, 260, 24, 0, "#d2554a")
        brush.path("M206 312 L436 312", stroke="#f3d9a4", width=3)
        brush.rect(400, 300, 60, 190, 0, "#2a14082a")
    brush.rect(274, 318, 92, 34, 6, CREAM)
    brush.text(320, 334, "Toko Sari", 19, "#a5324a", "Lobster Two")
    sparkle(brush, 166, 160, 18)
    sparkle(brush, 500, 300, 14)


def gelang(brush, mood, random):
    """Two bead bracelets on a wooden dish."""
    brush.ellipse(320, 500, 214, 24, darker(mood.stage, 0.3))
    wood = "#b9783f"
    brush.ellipse(320, 440, 212, 72, darker(wood, 0.3))
    brush.ellipse(320, 428, 212, 72, wood)
    brush.ellipse(320, 426, 186, 58, lighter(wood, 0.14))
    for rx, ry in ((150, 45), (110, 32), (66, 18)):
        brush.ellipse(320, 428, rx, ry, stroke=darker(wood, 0.1), width=3)
    colours = (
        "#d2352c",
        "#f2b930",
        "#1f1c1c",
        "#fffaf2",
        "#2b7a5c",
        "#f2b930",
        "#2f5fa8",
        "#fffaf2",
    )
    _ring(brush, 320, 424, 168, 48, 40, 13, colours[::-1])
    _ring(brush, 320, 252, 140, 140, 34, 16, colours)
    for turn in range(0, 360, 90):
        a = math.radians(turn + 45)
        x, y = 320 + math.cos(a) * 140, 252 + math.sin(a) * 140
        with brush.moved(x, y, turn):
            brush.rect(-21, -21, 42, 42, 8, "#1f1c1c")
            brush.path("M0 -17 L17 0 L0 17 L-17 0 Z", "#f2b930")
            brush.path("M0 -9 L9 0 L0 9 L-9 0 Z", "#d2352c")
    with brush.moved(320, 252):
        brush.rect(-62, -44, 124, 88, 12, CREAM)
        brush.rect(-56, -38, 112, 76, 8, stroke="#a5324a", width=2.5)
        brush.text(0, -14, "Toko Sari", 23, "#a5324a", "Lobster Two")
        brush.text(0, 16, "manik Dayak", 17, "#5b3322")
    sparkle(brush, 492, 150, 18)
    sparkle(brush, 146, 190, 14)


def _ring(brush, x, y, rx, ry, count, size, colours):
    for i in range(count):
        a = 2 * math.pi * i / count - math.pi / 2
        bx, by = x + math.cos(a) * rx, y + math.sin(a) * ry
        tone = colours[i % len(colours)]
        brush.circle(bx, by + 2, size, darker(tone, 0.3))
        brush.circle(bx, by, size * 0.94, tone)
        brush.circle(bx - size * 0.3, by - size * 0.35, size * 0.26, lighter(tone, 0.55))


def buku(brush, mood, random):
    """A notebook covered with woven ikat, its ribbon and a pencil."""
    shadow(brush, 320, 150, mood)
    with brush.moved(316, 300, -6):
        brush.rect(-134, -196, 286, 404, 12, "#e9dcc2")
        for dx in (8, 14):
            brush.rect(-134 + dx, -194 + dx / 2, 280, 400, 10, stroke="#cdbb98", width=2)
        brush.path("M64 190 L64 250 L76 238 L88 250 L88 190 Z", "#d2455c")
        cover = (
            "M-150 -190 Q-150 -206 -134 -206 L126 -206 Q142 -206 142 -190 L142 186 "
            "Q142 202 126 202 L-134 202 Q-150 202 -150 186 Z"
        )
        brush.path(cover, "#7f2438")
        with brush.clip(cover):
            for i, y in enumerate(range(-206, 210, 68)):
                _ikat(brush, y, i % 2)
            brush.rect(-150, -206, 34, 410, 0, "#4f1424")
            brush.path("M-116 -206 L-116 204", stroke="#e9b949", width=4)
            brush.rect(96, -206, 50, 410, 0, "#2a140826")
        brush.rect(104, -206, 15, 408, 0, "#2a1a16")
        brush.rect(-74, -66, 156, 106, 12, CREAM)
        brush.rect(-68, -60, 144, 94, 8, stroke="#a5324a", width=2.5)
        brush.text(4, -32, "Catatan", 31, "#a5324a", "Lobster Two")
        brush.text(4, 6, "Toko Sari", 20, "#5b3322")
    with brush.moved(498, 372, 14):
        brush.rect(-11, -150, 22, 240, 0, "#f2b930")
        brush.rect(3, -150, 8, 240, 0, darker("#f2b930", 0.2))
        brush.path("M-11 90 L11 90 L0 130 Z", "#f0d9b0")
        brush.path("M-4 116 L4 116 L0 130 Z", "#2a1a16")
        brush.rect(-11, -164, 22, 18, 0, "#b8b8bc")
        brush.rect(-11, -184, 22, 24, 7, "#e0677c")
    sparkle(brush, 502, 158, 18)
    sparkle(brush, 132, 220, 13)


def _ikat(brush, y, odd):
    ground, figure = (("#7f2438", "#f0c987"), ("#2f3f66", "#e98a5a"))[odd]
    brush.rect(-150, y, 300, 68, 0, ground)
    brush.rect(-150, y, 300, 6, 0, "#e9b949")
    for x in range(-150, 180, 52):
        brush.path(f"M{x} {y + 12} L{x + 24} {y + 36} L{x} {y + 60} L{x - 24} {y + 36} Z", figure)
        brush.path(f"M{x} {y + 24} L{x + 12} {y + 36} L{x} {y + 48} L{x - 12} {y + 36} Z", ground)
        brush.circle(x + 26, y + 18, 4, figure)
        brush.circle(x + 26, y + 54, 4, figure)


PICTURES = {
    "KADO-01": ("Kotak Kado Batik", kotak),
    "KADO-02": ("Mug Keramik Kawung", mug),
    "KADO-03": ("Tas Kain Batik", tas),
    "KADO-04": ("Gelang Manik Dayak", gelang),
    "KADO-05": ("Buku Catatan Tenun", buku),
}
