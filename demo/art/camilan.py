"""Snacks."""

import math

from art.canvas import darker, lighter
from art.packs import CREAM, jar, pillow, pouch, scatter
from art.scene import GROUND, garlic, leaf, shadow, sparkle


def chilli(brush, x, y, scale, angle, colour="#d2291f"):
    """A red chilli; angle 0 lies with its tip to the right."""
    with brush.moved(x, y, angle, scale):
        brush.path(
            "M-48 -12 C-10 -26 40 -14 66 14 C30 10 -20 26 -46 14 C-58 8 -58 -6 -48 -12 Z", colour
        )
        brush.path("M-50 8 C-14 18 30 0 66 14 C30 10 -20 26 -46 14 Z", darker(colour, 0.22))
        brush.path("M-36 -6 C-14 -14 12 -10 30 -2", stroke=lighter(colour, 0.45), width=5)
        brush.path("M-50 2 C-66 2 -70 -8 -80 -12", stroke="#4f7d2c", width=8)
        brush.ellipse(-50, 1, 9, 13, "#5f9438")


def chip(brush, x, y, rx, ry, angle, colour, spots=()):
    """A round fried chip."""
    brush.ellipse(x, y + 4, rx, ry, darker(colour, 0.25), angle=angle)
    brush.ellipse(x, y, rx, ry, colour, angle=angle)
    brush.ellipse(
        x - rx * 0.05, y - ry * 0.08, rx * 0.78, ry * 0.74, lighter(colour, 0.22), angle=angle
    )
    for dx, dy, size, tint in spots:
        brush.circle(x + dx * rx, y + dy * ry, size, tint)


def singkong(brush, mood, random):
    """A red pillow bag spilling chilli cassava chips."""
    shadow(brush, 310, 160, mood)
    pillow(brush, 310, GROUND, 268, 412, "#d8392b")
    brush.path("M176 318 C230 270 380 350 456 276 L456 430 C380 470 240 400 172 440 Z", "#f7b733")
    brush.rect(200, 168, 220, 118, 18, CREAM)
    brush.text(310, 194, "Toko Sari", 25, "#bf4326", "Lobster Two")
    brush.text(310, 228, "SINGKONG", 34, "#a52a1c", limit=200)
    brush.text(310, 262, "keripik balado", 22, "#6b3e26")
    spots = (
        (-0.3, -0.2, 4, "#c83a22"),
        (0.25, 0.15, 4, "#c83a22"),
        (0.05, -0.35, 3, "#8a2a18"),
        (-0.1, 0.35, 3, "#c83a22"),
    )
    for x, y, angle in ((250, 362, -20), (360, 384, 15), (302, 348, 5), (314, 402, -8)):
        chip(brush, x, y, 50, 36, angle, "#f3a64a", spots)
    for x, y, rx, angle in (
        (488, 486, 52, -24),
        (452, 506, 48, 10),
        (532, 508, 40, 14),
        (140, 500, 46, -12),
    ):
        chip(brush, x, y, rx, rx * 0.55, angle, "#f3a64a", spots)
    chilli(brush, 486, 438, 0.75, 28)


def tempe_chip(brush, x, y, size, angle):
    """A square-ish slice of tempeh with its beans."""
    with brush.moved(x, y, angle, size / 100):
        brush.rect(-50, -36, 100, 76, 26, darker("#d9953f", 0.25))
        brush.rect(-50, -42, 100, 76, 26, "#d9953f")
        for bx, by, turn in (
            (-26, -20, 20),
            (4, -24, -30),
            (28, -10, 50),
            (-30, 6, -20),
            (-2, 0, 35),
            (24, 18, 0),
            (-8, 22, -40),
        ):
            brush.ellipse(bx, by, 13, 9, "#f4d089", angle=turn)
            brush.ellipse(bx, by, 5, 3, "#e4b464", angle=turn)
        brush.path("M-40 24 C-30 30 -18 32 -8 33", stroke="#6f8f3a", width=6)


def tempe(brush, mood, random):
    """A kraft pouch with a window full of tempeh chips."""
    shadow(brush, 320, 150, mood)
    pouch(brush, 320, GROUND, 262, 402, "#c99a5e")
    window = (
        "M218 300 Q218 278 240 278 L400 278 Q422 278 422 300 L422 430 Q422 452 400 452 L240 452 "
        "Q218 452 218 430 Z"
    )
    brush.path(window, "#fff1d6")
    with brush.clip(window):
        for x, y, angle in scatter(random, 230, 292, 420, 470, 66):
            tempe_chip(brush, x, y, 84, angle / 4 - 20)
        brush.path("M236 460 L300 270 L330 270 L266 460 Z", "#ffffff55")
    brush.path(window, stroke="#8a5a2c", width=5)
    brush.text(320, 186, "Toko Sari", 26, "#7a3d1c", "Lobster Two")
    brush.text(320, 222, "TEMPE", 44, "#5b3322")
    brush.text(320, 256, "keripik renyah", 20, "#7a3d1c")
    for x, y, size, angle in ((130, 498, 72, -14), (500, 494, 82, 12), (448, 508, 66, -20)):
        tempe_chip(brush, x, y, size, angle)
    leaf(brush, 520, 450, 78, -48, "#5f9438")
    leaf(brush, 520, 454, 64, -4, "#76a84a")


def rengginang_disc(brush, x, y, radius, flat=1.0):
    """A sticky-rice cracker: a ring of puffed grains."""
    toast = "#e8b765"
    brush.ellipse(x, y + 5, radius, radius * flat, darker(toast, 0.3))
    brush.ellipse(x, y, radius * 0.96, radius * 0.96 * flat, toast)
    for ring, count in ((0.84, 16), (0.56, 11), (0.26, 5)):
        for i in range(count):
            turn = 2 * math.pi * i / count + ring * 5
            px, py = x + math.cos(turn) * radius * ring, y + math.sin(turn) * radius * ring * flat
            shade = ("#f7dba0", "#efc985", "#fbe8bf")[i % 3]
            brush.ellipse(
                px,
                py,
                radius * 0.16,
                radius * 0.1 * (flat + 1) / 2,
                shade,
                angle=math.degrees(turn) + 40,
            )


def rengginang(brush, mood, random):
    """A stack of rengginang on a banana leaf."""
    brush.ellipse(320, 506, 214, 26, darker(mood.stage, 0.28))
    brush.path("M104 494 C170 440 470 440 536 494 C470 530 170 530 104 494 Z", "#4f8a3c")
    brush.path("M104 494 C170 514 470 514 536 494 C470 530 170 530 104 494 Z", "#3b6e2e")
    brush.path("M110 494 L530 494", stroke="#8fbf6a", width=4)
    for x in range(160, 500, 34):
        brush.path(
            f"M{x} 494 L{x + (x - 320) * 0.1} {466 + abs(x - 320) * 0.09}",
            stroke="#6ba552",
            width=3,
        )
    for i, dx in enumerate((-4, 8, -8, 5, -3, 6, -5)):
        rengginang_disc(brush, 240 + dx, 464 - i * 29, 118, 0.3)
    rengginang_disc(brush, 410, 348, 146)
    chilli(brush, 162, 494, 0.6, -10)
    with brush.moved(330, 500, 8, 0.8):
        brush.path(
            "M-46 6 C-46 -26 6 -40 34 -12 C44 -2 44 10 34 14 C20 -6 -8 -6 -16 12 Q-30 24 -46 6 Z",
            "#f08a5d",
        )
        brush.path("M-28 -16 L-22 6 M-8 -24 L-6 -4 M12 -22 L10 -4", stroke="#d0623c", width=4)
        brush.path("M34 12 L52 4 M34 12 L52 20", stroke="#d0623c", width=6)
    sparkle(brush, 290, 176, 22)
    sparkle(brush, 218, 128, 14)


def nastar_ball(brush, x, y, radius):
    """A round nastar with its clove."""
    gold = "#eeb041"
    brush.circle(x, y + 2, radius, darker(gold, 0.24))
    brush.circle(x, y - 1, radius * 0.95, gold)
    brush.ellipse(
        x - radius * 0.25, y - radius * 0.35, radius * 0.45, radius * 0.28, "#f9d583", angle=-25
    )
    brush.path(
        f"M{x + radius * 0.1} {y - radius * 0.15} L{x + radius * 0.3} {y - radius * 0.55}",
        stroke="#5b3322",
        width=max(3, radius * 0.14),
    )
    brush.circle(x + radius * 0.1, y - radius * 0.12, radius * 0.13, "#5b3322")


def nastar(brush, mood, random):
    """A jar of nastar with a pineapple on its label."""
    shadow(brush, 310, 150, mood)

    def cookies():
        brush.rect(170, 190, 280, 330, 0, "#c98a2c")
        for row, y in enumerate(range(240, 520, 45)):
            for x in range(184 + (row % 2) * 27, 470, 54):
                nastar_ball(brush, x, y, 27)

    jar(brush, 310, GROUND, 262, 306, "#c8362c", cookies)
    brush.rect(214, 300, 192, 150, 16, CREAM)
    brush.rect(220, 306, 180, 138, 12, stroke="#bf4326", width=2.5)
    brush.text(342, 340, "Toko Sari", 22, "#bf4326", "Lobster Two")
    brush.text(342, 376, "Nastar", 33, "#8a2f1d", limit=104)
    brush.text(342, 408, "500 g", 20, "#6b3e26")
    for angle in (-62, -90, -118, -40, -140):
        leaf(brush, 258, 352, 38, angle, "#4f8a3c")
    brush.ellipse(258, 394, 27, 38, "#f2a93b")
    with brush.clip("M231 394 C231 344 285 344 285 394 C285 444 231 444 231 394 Z"):
        for k in range(-80, 90, 16):
            brush.path(
                f"M{258 + k} 350 L{258 + k + 70} 440 M{258 + k} 350 L{258 + k - 70} 440",
                stroke="#c8772a",
                width=2.5,
            )
    for x, y, radius in ((478, 484, 33), (528, 490, 28), (504, 446, 27), (136, 486, 30)):
        nastar_ball(brush, x, y, radius)


def peanut(brush, x, y, size, angle):
    """A peeled, fried peanut half."""
    nut = "#e9b264"
    with brush.moved(x, y, angle, size / 100):
        brush.ellipse(0, 4, 50, 34, darker(nut, 0.3))
        brush.ellipse(0, 0, 50, 34, nut)
        brush.ellipse(-8, -8, 32, 16, lighter(nut, 0.35))
        brush.path("M-34 6 C-10 14 14 14 36 4", stroke=darker(nut, 0.28), width=5)


def kacang(brush, mood, random):
    """A bowl of garlic peanuts with a bulb of garlic."""
    shadow(brush, 290, 180, mood)
    brush.rect(222, 488, 136, 26, 8, "#24666c")
    with brush.moved(-58, -98, 0, 1.18):
        for x, y, angle in (
            (190, 300, 20),
            (246, 276, -30),
            (310, 262, 12),
            (368, 280, 48),
            (420, 302, -18),
            (216, 318, 60),
            (280, 306, 5),
            (340, 308, -40),
            (396, 320, 24),
            (300, 240, 70),
            (262, 334, 10),
            (330, 334, 30),
        ):
            peanut(brush, x - 4, y + 14, 78, angle)
        for x, y, angle in ((240, 300, 30), (356, 296, -20), (308, 288, 80)):
            with brush.moved(x, y, angle):
                brush.path("M-18 0 C-8 -16 10 -14 18 0 C8 8 -8 10 -18 0 Z", "#fff3d0", "#d9a85a", 3)
        for x, y, angle in ((276, 276, -20), (390, 310, 30), (206, 322, 10)):
            leaf(brush, x, y, 30, angle, "#5f9438")
        brush.path(
            "M124 330 L476 330 C476 440 410 500 350 508 L250 508 C190 500 124 440 124 330 Z",
            "#2f7f86",
        )
        brush.path(
            "M390 330 L476 330 C476 440 410 500 350 508 L320 508 C380 470 396 400 390 330 Z",
            darker("#2f7f86", 0.2),
        )
        brush.rect(114, 318, 372, 26, 13, "#45a0a6")
        for x in range(150, 470, 40):
            brush.circle(x, 331, 5, CREAM)
        brush.path(
            "M140 372 C200 420 400 420 460 372 C456 388 452 400 446 410 C390 450 210 450 154 410 "
            "C148 400 144 388 140 372 Z",
            "#f7b733",
        )
        for x in (196, 248, 300, 352, 404):
            lift = 12 - abs(x - 300) * 0.1
            brush.ellipse(x - 8, 408 + lift, 11, 6, "#bf4326", angle=45)
            brush.ellipse(x + 8, 408 + lift, 11, 6, "#bf4326", angle=-45)
    garlic(brush, 510, 474, 0.95)
    for x, y, angle in ((112, 504, 10), (452, 514, -20), (162, 516, 40)):
        peanut(brush, x, y, 46, angle)


PICTURES = {
    "CAMILAN-01": ("Keripik Singkong Balado", singkong),
    "CAMILAN-02": ("Keripik Tempe", tempe),
    "CAMILAN-03": ("Rengginang Terasi", rengginang),
    "CAMILAN-04": ("Nastar Nanas", nastar),
    "CAMILAN-05": ("Kacang Bawang", kacang),
}
