"""Household."""

from art.canvas import darker, lighter
from art.packs import CREAM, patch
from art.scene import GROUND, leaf, shadow, sparkle


def citrus(brush, x, y, radius, rind="#6fa52e", flesh="#c7dd6a"):
    """A slice of lime."""
    brush.circle(x, y + 3, radius, darker(rind, 0.25))
    brush.circle(x, y, radius, rind)
    brush.circle(x, y, radius * 0.87, "#f6f8dc")
    for turn in range(0, 360, 45):
        with brush.moved(x, y, turn, radius / 100):
            brush.path("M0 -8 L-24 -64 Q0 -84 24 -64 Z", flesh)


def bubble(brush, x, y, radius):
    """A soap bubble."""
    brush.circle(x, y, radius, "#ffffff88", "#ffffff", 3)
    brush.ellipse(
        x - radius * 0.35, y - radius * 0.35, radius * 0.26, radius * 0.14, "#ffffff", angle=-40
    )


def sabun(brush, mood, random):
    """A bottle of green dish soap with lime, bubbles and a sponge."""
    shadow(brush, 290, 118, mood)
    soap = "#a5cc4a"
    body = (
        "M246 190 L334 190 C338 214 392 226 392 286 C392 330 376 350 376 384 "
        "C376 420 396 440 396 478 "
        "Q396 512 364 512 L216 512 Q184 512 184 478 C184 440 204 420 204 384 "
        "C204 350 188 330 188 286 C188 226 242 214 246 190 Z"
    )
    brush.path(body, soap)
    with brush.clip(body):
        brush.path(
            "M342 180 C400 250 330 330 340 390 C346 440 380 470 340 520 L420 520 L420 180 Z",
            darker(soap, 0.16),
        )
        brush.path("M208 270 C206 300 222 330 222 372", stroke="#ffffff99", width=11)
        brush.rect(180, 500, 230, 14, 0, darker(soap, 0.2))
    brush.rect(240, 154, 100, 46, 10, "#fffaf2")
    brush.rect(308, 154, 32, 46, 10, "#dfd8c8")
    brush.path("M262 156 L268 104 L312 104 L318 156 Z", "#fffaf2")
    brush.path("M296 104 L312 104 L318 156 L302 156 Z", "#dfd8c8")
    brush.rect(274, 82, 32, 28, 8, "#4b752c")
    patch(brush, 290, 400, 150, 132, "#1c7472", "Sabun Cuci", "piring · 750 ml")
    citrus(brush, 290, 290, 44)
    sponge = "#f7c948"
    shadow(brush, 466, 78, mood)
    brush.rect(394, 452, 146, 60, 12, sponge)
    brush.rect(394, 446, 146, 26, 10, "#2f8f6b")
    for x, y, r in (
        (414, 490, 5),
        (446, 498, 6),
        (478, 486, 5),
        (510, 496, 6),
        (526, 482, 4),
        (462, 480, 3),
    ):
        brush.circle(x, y, r, darker(sponge, 0.2))
    for x, y, r in (
        (430, 436, 20),
        (466, 428, 27),
        (502, 438, 17),
        (450, 398, 13),
        (500, 392, 19),
        (470, 352, 11),
        (414, 408, 8),
        (146, 330, 17),
        (164, 284, 10),
        (440, 250, 14),
    ):
        bubble(brush, x, y, r)
    citrus(brush, 140, 476, 38)
    sparkle(brush, 420, 178, 20)


def sapu(brush, mood, random):
    """A palm-rib broom leaning across the picture."""
    brush.ellipse(250, GROUND, 160, 13, darker(mood.stage, 0.28))
    with brush.moved(320, 300, 24):
        brush.rect(-12, -238, 24, 270, 12, "#c8844a")
        brush.rect(2, -238, 10, 270, 5, "#a5622c")
        brush.circle(0, -222, 5, "#7a4420")
        brush.path("M0 -238 C-16 -262 16 -262 0 -238", stroke="#e9c46a", width=5)
        for i in range(-10, 11):
            tone = ("#b98b4a", "#d0a862", "#a87838")[i % 3]
            brush.path(
                f"M{i * 3.2} 20 "
                f"C{i * 5} 80 {i * 8} 140 {i * 10.5} {222 - abs(i) * 2.4 + (i % 3) * 7}",
                stroke=tone,
                width=7,
            )
        brush.path("M-40 14 Q0 0 40 14 L48 62 Q0 48 -48 62 Z", "#8a4a22")
        for y in (22, 38, 53):
            brush.path(
                f"M{-41 - (y - 22) * 0.17} {y + 2} Q0 {y - 12} {41 + (y - 22) * 0.17} {y + 2}",
                stroke="#e0b068",
                width=7,
            )
    for x, y, angle, tone in (
        (420, 494, -20, "#c9862e"),
        (468, 504, 14, "#8aa23c"),
        (512, 492, -42, "#b85a2a"),
        (384, 510, 30, "#a5b04a"),
    ):
        leaf(brush, x, y, 50, angle, tone)
    brush.rect(372, 214, 118, 130, 14, CREAM)
    brush.path(
        "M381 306 L381 232 Q381 223 390 223 L472 223 Q481 223 481 232 L481 326 Q481 335 472 335 "
        "L390 335 Q381 335 381 326 Z",
        stroke="#1c7472",
        width=2.5,
    )
    brush.circle(431, 236, 6, darker(mood.stage, 0.25))
    brush.path("M431 236 C420 200 400 190 372 196", stroke="#a5622c", width=4)
    brush.text(431, 264, "Toko Sari", 20, "#1c7472", "Lobster Two")
    brush.text(431, 292, "Sapu Lidi", 22, "#5b3322", limit=92)
    brush.text(431, 317, "awet", 17, "#8a5a3c")


def keranjang(brush, mood, random):
    """A round rattan basket with yarn and a cloth."""
    shadow(brush, 320, 186, mood)
    cane, dark = "#d29a54", "#a86f30"
    brush.path("M166 330 C150 90 490 90 474 330", stroke=dark, width=20)
    brush.path("M166 330 C150 90 490 90 474 330", stroke=cane, width=12)
    for t in range(9):
        a = 0.1 + t * 0.1
        x = (1 - a) ** 3 * 166 + 3 * (1 - a) ** 2 * a * 150 + 3 * (1 - a) * a * a * 490 + a**3 * 474
        y = (1 - a) ** 3 * 330 + 3 * (1 - a) ** 2 * a * 90 + 3 * (1 - a) * a * a * 90 + a**3 * 330
        brush.circle(x, y, 11, dark)
        brush.circle(x, y, 7, lighter(cane, 0.3))
    for x, y, r, tone in (
        (238, 300, 58, "#e0674e"),
        (392, 298, 60, "#2f8f8c"),
        (316, 282, 66, "#f2b84b"),
    ):
        brush.circle(x, y, r, tone)
        for k in (-0.6, -0.2, 0.2, 0.6):
            brush.path(
                f"M{x - r * 0.8} {y + k * r * 0.6} "
                f"Q{x} {y + k * r * 1.4 - r * 0.4} {x + r * 0.8} {y + k * r * 0.6}",
                stroke=darker(tone, 0.2),
                width=4,
            )
        brush.path(
            f"M{x - r * 0.5} {y - r * 0.7} Q{x - r * 0.1} {y} {x - r * 0.3} {y + r * 0.8}",
            stroke=lighter(tone, 0.3),
            width=4,
        )
    body = (
        "M134 330 L506 330 C504 410 484 470 460 500 Q450 512 436 512 L204 512 Q190 512 180 500 "
        "C156 470 136 410 134 330 Z"
    )
    brush.path(body, cane)
    with brush.clip(body):
        for row, y in enumerate(range(336, 520, 26)):
            for x in range(116 + (row % 2) * 30, 520, 60):
                brush.rect(x, y, 50, 20, 10, lighter(cane, 0.22))
                brush.rect(x + 4, y + 13, 42, 7, 3, dark)
        brush.path("M430 320 C430 410 410 480 380 520 L520 520 L520 320 Z", "#2a14082a")
    brush.rect(120, 312, 400, 34, 17, dark)
    for x in range(132, 508, 24):
        brush.path(f"M{x} 318 L{x + 16} 340", stroke=lighter(cane, 0.3), width=8)
    brush.path("M214 346 L206 384", stroke="#a5622c", width=4)
    with brush.moved(204, 414, 6):
        brush.rect(-52, -32, 104, 66, 10, CREAM)
        brush.circle(0, -22, 5, cane)
        brush.text(0, -5, "Toko Sari", 19, "#1c7472", "Lobster Two")
        brush.text(0, 18, "buatan tangan", 14, "#5b3322", limit=92)


def towel(brush, x, y, w, h, colour, stripe):
    """One folded towel seen from its rolled edge."""
    brush.rect(x, y, w, h, h / 2, darker(colour, 0.12))
    brush.rect(x, y, w - 6, h - 8, h / 2, colour)
    brush.path(
        f"M{x + w - 34} {y + h * 0.5} L{x + 40} {y + h * 0.5}", stroke=darker(colour, 0.18), width=4
    )
    for dx in (60, 78, 96):
        brush.rect(x + dx, y, 9, h - 4, 0, stripe)
        brush.rect(x + w - dx - 20, y, 9, h - 4, 0, stripe)


def lap(brush, mood, random):
    """Two folded cotton towels in a paper band, and the third hanging behind."""
    shadow(brush, 320, 190, mood)
    brush.path("M130 136 L510 136", stroke="#a5622c", width=16)
    brush.circle(130, 136, 13, "#7a4420")
    brush.circle(510, 136, 13, "#7a4420")
    brush.path("M190 130 L450 130 L450 356 Q386 368 320 356 Q254 344 190 356 Z", "#fffaf2")
    with brush.clip("M190 130 L450 130 L450 356 Q386 368 320 356 Q254 344 190 356 Z"):
        for x in range(202, 450, 36):
            brush.rect(x, 120, 12, 240, 0, "#5fb3aa66")
        for y in range(150, 350, 36):
            brush.rect(180, y, 280, 12, 0, "#5fb3aa66")
        brush.rect(410, 120, 50, 240, 0, "#2a14081e")
        brush.rect(180, 320, 280, 8, 0, "#e0674e")
    brush.rect(184, 122, 272, 18, 9, "#e6ddcb")
    towel(brush, 142, 366, 356, 74, "#e98d74", "#fff1e0")
    towel(brush, 132, 438, 376, 74, "#f3c66e", "#fff7e6")
    brush.rect(256, 362, 128, 152, 8, CREAM)
    brush.rect(262, 368, 116, 140, 5, stroke="#1c7472", width=2.5)
    brush.text(320, 396, "Toko Sari", 25, "#1c7472", "Lobster Two")
    brush.text(320, 438, "Lap", 40, "#5b3322")
    brush.text(320, 480, "katun · isi 3", 20, "#8a5a3c", limit=100)


def lilin(brush, mood, random):
    """A candle in a glass among lemongrass."""
    for x, angle, tone, length in (
        (176, -98, "#7fa83c", 300),
        (204, -84, "#94b94e", 250),
        (154, -112, "#6a9433", 220),
    ):
        with brush.moved(x, GROUND, angle + 90):
            brush.path(
                f"M-9 0 C-12 -{length * 0.4} -8 -{length * 0.7} 16 -{length} "
                f"C18 -{length * 0.6} 14 -{length * 0.3} 9 0 Z",
                tone,
            )
            brush.path("M-9 0 L-9 -70 L9 -70 L9 0 Z", "#e7ecc0")
    brush.ellipse(336, GROUND, 142, 14, darker(mood.stage, 0.3))
    brush.circle(340, 196, 92, "#fff3c455")
    brush.circle(340, 196, 60, "#ffe9a066")
    glass = "M224 250 L456 250 L442 488 Q440 512 416 512 L264 512 Q240 512 238 488 Z"
    brush.path(glass, "#f4fbf8")
    with brush.clip(glass):
        brush.rect(210, 300, 260, 230, 0, "#f3d98b")
        brush.ellipse(340, 302, 118, 15, "#fbeab4")
        brush.path("M400 240 L396 520 L470 520 L470 240 Z", "#2a14081c")
        brush.rect(252, 322, 12, 150, 6, "#ffffff99")
    brush.path("M340 300 L340 262", stroke="#3b2a22", width=6)
    brush.path(
        "M340 154 C366 196 378 218 368 240 C360 262 320 262 312 240 C302 218 322 200 340 154 Z",
        "#f59a2e",
    )
    brush.path(
        "M340 196 C354 218 358 230 352 244 C348 254 332 254 328 244 C322 230 332 218 340 196 Z",
        "#ffe27a",
    )
    brush.path(glass, stroke="#ffffff", width=6)
    brush.ellipse(340, 250, 116, 12, stroke="#ffffff", width=5)
    patch(brush, 340, 410, 158, 124, "#4b752c", "Lilin Sereh", "anti nyamuk")
    with brush.moved(490, 486, 0):
        for i, dy in enumerate((0, 18)):
            brush.rect(-62 + i * 8, dy - 6, 124, 18, 9, "#e7ecc0")
            brush.rect(-20 + i * 8, dy - 6, 82, 18, 9, ("#94b94e", "#7fa83c")[i])
        brush.rect(-30, -10, 16, 42, 5, "#a5622c")
    sparkle(brush, 452, 170, 18)
    sparkle(brush, 250, 142, 14)


PICTURES = {
    "RUMAH-01": ("Sabun Cuci Piring Jeruk", sabun),
    "RUMAH-02": ("Sapu Lidi Gagang Kayu", sapu),
    "RUMAH-03": ("Keranjang Rotan", keranjang),
    "RUMAH-04": ("Lap Dapur Katun Isi 3", lap),
    "RUMAH-05": ("Lilin Sereh Anti Nyamuk", lilin),
}
