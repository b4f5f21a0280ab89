"""Coffee and tea."""

from art.canvas import darker, lighter
from art.packs import CREAM, jar, patch, pouch, scatter
from art.scene import GROUND, bean, leaf, shadow, sparkle, steam


def gayo(brush, mood, random):
    """A dark pouch of beans with the Gayo hills on its label."""
    shadow(brush, 320, 150, mood)
    pouch(brush, 320, GROUND, 250, 400, "#5b3322")
    brush.circle(320, 156, 9, "#3c2015")
    brush.rect(226, 208, 188, 214, 16, CREAM)
    with brush.clip("M236 218 L404 218 L404 320 L236 320 Z"):
        brush.rect(236, 218, 168, 102, 0, "#f6c88a")
        brush.circle(352, 262, 24, "#e9803c")
        brush.path("M220 330 L280 250 L318 300 L358 262 L420 330 Z", "#5f8a4a")
        brush.path("M220 330 L270 282 L330 322 L420 292 L420 340 L220 340 Z", "#3f6b3a")
    brush.text(320, 340, "Toko Sari", 20, "#a04a22", "Lobster Two")
    brush.text(320, 372, "GAYO", 42, "#5b3322")
    brush.text(320, 404, "arabika · 250 g", 18, "#8a5a3c")
    for x, y, size, angle in (
        (150, 492, 54, 20),
        (198, 506, 48, -30),
        (462, 500, 56, -15),
        (508, 484, 46, 40),
        (428, 516, 42, 70),
    ):
        bean(brush, x, y, size, angle)
    leaf(brush, 500, 452, 84, -52, "#5f8a4a")
    leaf(brush, 496, 456, 70, -8, "#6f9a52")
    for dx, dy in ((0, 0), (-20, 12), (4, 22)):
        brush.circle(496 + dx, 448 + dy, 12, "#c8362c")
        brush.circle(492 + dx, 444 + dy, 4, "#e9776a")


def lampung(brush, mood, random):
    """A kraft bag folded over, beside a glass of kopi tubruk."""
    shadow(brush, 260, 130, mood)
    kraft = "#c8955c"
    brush.path("M158 150 L356 150 L366 512 L148 512 Z", kraft)
    brush.path("M310 150 L356 150 L366 512 L318 512 Z", darker(kraft, 0.16))
    brush.path("M156 190 L358 190", stroke=darker(kraft, 0.2), width=3)
    brush.rect(148, 122, 218, 56, 6, darker(kraft, 0.1))
    brush.rect(148, 166, 218, 12, 4, darker(kraft, 0.28))
    brush.rect(136, 138, 242, 16, 8, "#e9c46a")
    brush.circle(152, 146, 5, darker("#e9c46a", 0.3))
    brush.circle(362, 146, 5, darker("#e9c46a", 0.3))
    patch(brush, 252, 330, 176, 178, "#8a2f1d", "Robusta", "Lampung · 250 g")
    brush.path("M222 440 L282 440", stroke=darker(kraft, 0.3), width=3)
    shadow(brush, 448, 84, mood)
    brush.ellipse(446, 506, 92, 15, "#fffaf2")
    brush.ellipse(446, 502, 64, 8, "#e4d3bd")
    brush.path("M502 398 C556 384 556 468 496 462", stroke="#ffffff", width=14)
    glass = "M386 346 L506 346 L494 490 Q492 502 480 502 L412 502 Q400 502 398 490 Z"
    brush.path(glass, "#fffdf8")
    with brush.clip(glass):
        brush.rect(380, 376, 140, 140, 0, "#3a1d12")
        brush.rect(380, 376, 140, 12, 0, "#8a5733")
        brush.rect(380, 474, 140, 40, 0, "#22100a")
        brush.rect(476, 346, 40, 160, 0, "#2a140833")
        brush.rect(402, 356, 10, 120, 5, "#ffffff77")
    brush.path(glass, stroke="#ffffff", width=5)
    steam(brush, 446, 334, "#fffaf2", 0.9)
    for x, y, angle in ((158, 506, 10), (122, 488, -40), (346, 514, 30)):
        bean(brush, x, y, 46, angle)


def kopi_susu(brush, mood, random):
    """A bottle with layers of palm sugar, milk and coffee."""
    shadow(brush, 320, 104, mood)
    body = (
        "M276 128 L364 128 L364 176 C364 214 410 212 410 262 L410 488 Q410 512 386 512 "
        "L254 512 Q230 512 230 488 L230 262 C230 212 276 214 276 176 Z"
    )
    brush.path(body, "#fffaf2")
    with brush.clip(body):
        brush.rect(220, 166, 200, 360, 0, "#b9814f")
        brush.path(
            "M220 330 C260 310 290 352 330 330 C360 314 390 346 420 326 L420 420 L220 420 Z",
            "#dcb088",
        )
        brush.path(
            "M220 380 C250 362 290 402 330 382 C370 364 390 396 420 380 L420 470 L220 470 Z",
            "#f3dcc0",
        )
        brush.path(
            "M220 446 C260 430 300 466 340 446 C370 434 400 456 420 444 L420 520 L220 520 Z",
            "#7a3d1c",
        )
        brush.rect(380, 120, 40, 400, 0, "#2a140826")
        brush.rect(244, 270, 13, 200, 6, "#ffffff88")
    brush.path(body, stroke="#ffffff", width=5)
    brush.rect(264, 88, 112, 48, 12, "#3b2a22")
    brush.rect(344, 88, 32, 48, 12, "#241711")
    brush.rect(276, 97, 56, 7, 3, "#6a5246")
    brush.circle(320, 300, 66, CREAM)
    brush.circle(320, 300, 58, stroke="#a04a22", width=3)
    brush.text(320, 272, "Toko Sari", 20, "#a04a22", "Lobster Two")
    brush.text(320, 300, "kopi susu", 24, "#5b3322")
    brush.text(320, 326, "gula aren", 18, "#8a5a3c")
    for x, y, s in ((470, 492, 1.0), (508, 506, 0.8), (160, 498, 0.95)):
        with brush.moved(x, y, 0, s):
            brush.path("M-44 18 L-34 -24 L34 -24 L44 18 Z", "#8a4a22")
            brush.path("M12 -24 L34 -24 L44 18 L18 18 Z", "#6a3516")
            brush.ellipse(0, -24, 34, 9, "#a8632f")
    for x, y, angle in ((206, 510, 15), (430, 516, -30)):
        bean(brush, x, y, 42, angle)
    sparkle(brush, 454, 176, 20)
    sparkle(brush, 192, 232, 15)


def blossom(brush, x, y, size):
    """A jasmine flower."""
    for turn in range(0, 360, 72):
        with brush.moved(x, y, turn, size / 40):
            brush.path("M0 0 C-18 -14 -14 -38 0 -40 C14 -38 18 -14 0 0 Z", "#ffffff", "#e3e0cf", 2)
    brush.circle(x, y, size * 0.18, "#f2c84b")


def teh_melati(brush, mood, random):
    """A green tea box and a cup with jasmine."""
    shadow(brush, 268, 130, mood)
    green = "#3f7d4e"
    brush.path("M162 180 L344 180 L344 512 L162 512 Z", green)
    brush.path("M344 180 L384 152 L384 492 L344 512 Z", darker(green, 0.28))
    brush.path("M162 180 L204 152 L384 152 L344 180 Z", lighter(green, 0.3))
    brush.rect(162, 196, 182, 8, 0, "#e9c46a")
    brush.rect(162, 484, 182, 8, 0, "#e9c46a")
    brush.path("M344 196 L384 170 L384 178 L344 204 Z", "#b9963f")
    brush.path("M344 484 L384 464 L384 472 L344 492 Z", "#b9963f")
    patch(brush, 253, 300, 152, 128, "#2f6240", "Teh Melati", "100 g")
    blossom(brush, 226, 424, 40)
    blossom(brush, 284, 440, 32)
    leaf(brush, 250, 452, 44, 60, "#8fc07a")
    shadow(brush, 452, 86, mood)
    brush.ellipse(450, 506, 94, 15, "#fffaf2")
    brush.ellipse(450, 502, 58, 8, "#dfcbb0")
    brush.path("M506 416 C560 402 560 474 500 470", stroke="#fffaf2", width=14)
    cup = "M376 386 L524 386 C524 456 500 500 470 502 L430 502 C400 500 376 456 376 386 Z"
    brush.path(cup, "#fffaf2")
    with brush.clip(cup):
        brush.path("M486 380 C488 450 470 490 450 510 L540 510 L540 380 Z", "#ecdcc6")
        for x in range(390, 530, 28):
            brush.ellipse(x, 440, 9, 5, "#3f7d4e", angle=45)
            brush.ellipse(x + 14, 440, 9, 5, "#3f7d4e", angle=-45)
    brush.ellipse(450, 386, 74, 15, "#ecdcc6")
    brush.ellipse(450, 388, 64, 11, "#b5702a")
    blossom(brush, 436, 386, 13)
    steam(brush, 450, 364, "#fffaf2", 0.85)
    blossom(brush, 136, 496, 24)
    blossom(brush, 384, 514, 20)


def ginger(brush, x, y, scale, angle=0):
    """A root of red ginger."""
    skin = "#d8a05e"
    with brush.moved(x, y, angle, scale):
        brush.path(
            "M-80 10 C-92 -22 -56 -38 -34 -22 C-34 -58 6 -62 10 -26 C30 -46 72 -44 70 -14 "
            "C98 -12 100 26 66 28 C40 44 -54 44 -80 10 Z",
            skin,
        )
        brush.path(
            "M-76 14 C-40 26 30 28 84 12 C80 26 70 28 66 28 C40 44 -54 44 -76 14 Z",
            darker(skin, 0.16),
        )
        brush.ellipse(-12, -46, 19, 9, "#c8503c", angle=4)
        brush.ellipse(-12, -46, 12, 5, "#e98a6a", angle=4)
        for d in (
            "M-56 -16 Q-48 0 -56 14",
            "M-22 -8 Q-14 8 -22 24",
            "M26 -18 Q34 0 28 18",
            "M56 -20 Q62 -4 58 10",
        ):
            brush.path(d, stroke=darker(skin, 0.3), width=3.5)


def jahe(brush, mood, random):
    """A jar of red ginger powder with a root and a spoonful."""
    shadow(brush, 320, 140, mood)

    def powder():
        brush.path(
            "M180 250 C240 226 300 262 350 240 C400 226 430 244 470 238 L470 520 L180 520 Z",
            "#b5622f",
        )
        for x, y, _ in scatter(random, 190, 262, 460, 510, 30):
            brush.circle(x, y, 3, "#d58a52")

    jar(brush, 320, GROUND, 246, 326, "#8a2f1d", powder)
    patch(brush, 320, 376, 190, 150, "#8a2f1d", "Jahe Merah", "bubuk · 200 g")
    ginger(brush, 478, 480, 0.95, -8)
    ginger(brush, 156, 488, 0.72, 12)
    brush.ellipse(450, 510, 24, 12, "#f0b8a0")
    brush.ellipse(450, 509, 17, 8, "#d8604a")
    brush.ellipse(408, 516, 22, 11, "#f0b8a0")
    brush.ellipse(408, 515, 15, 7, "#d8604a")
    leaf(brush, 214, 512, 64, -24, "#7fa052")


PICTURES = {
    "KOPI-01": ("Kopi Gayo Arabika", gayo),
    "KOPI-02": ("Kopi Robusta Lampung", lampung),
    "KOPI-03": ("Kopi Susu Gula Aren", kopi_susu),
    "KOPI-04": ("Teh Melati", teh_melati),
    "KOPI-05": ("Jahe Merah Bubuk", jahe),
}
