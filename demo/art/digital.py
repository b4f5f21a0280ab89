"""E-books, class vouchers and worksheets."""

from art.camilan import chilli, nastar_ball
from art.canvas import darker
from art.packs import CREAM
from art.scene import bean, kawung, shadow, sparkle, steam


def tablet(brush, mood, screen):
    """A tablet standing on the stage, with its screen from (202, 122) to (438, 468)."""
    shadow(brush, 320, 150, mood)
    brush.rect(186, 96, 268, 416, 26, "#2b2840")
    brush.rect(190, 98, 260, 408, 24, "#3d3958")
    brush.rect(202, 122, 236, 346, 6, screen)
    brush.circle(320, 110, 4, "#8d88b0")
    brush.circle(320, 487, 10, stroke="#8d88b0", width=3)


def badge(brush, x, y, words, colour):
    """A round sticker such as PDF."""
    brush.circle(x, y + 4, 46, darker(colour, 0.35))
    brush.circle(x, y, 46, colour)
    brush.circle(x, y, 39, stroke="#fffaf2", width=2.5)
    brush.text(x, y - 9, words, 24, "#fffaf2", limit=64)
    brush.path(
        f"M{x} {y + 6} L{x} {y + 25} M{x - 9} {y + 17} L{x} {y + 26} L{x + 9} {y + 17}",
        stroke="#fffaf2",
        width=5,
    )


def resep(brush, mood, random):
    """A tablet showing a recipe book with a tumpeng."""
    tablet(brush, mood, "#c8452f")
    brush.text(320, 156, "Resep", 52, "#fffaf2", "Lobster Two")
    brush.text(320, 200, "Nusantara", 32, "#f9d58a")
    brush.circle(320, 334, 96, "#e9a23b")
    brush.ellipse(320, 394, 98, 27, "#3b6e2e")
    brush.ellipse(320, 388, 98, 27, "#5f9438")
    brush.path(
        "M320 242 Q330 242 334 254 L378 376 Q320 402 262 376 L306 254 Q310 242 320 242 Z", "#fbd24e"
    )
    brush.path(
        "M320 242 Q330 242 334 254 L378 376 Q356 386 336 388 Q346 310 320 242 Z",
        darker("#fbd24e", 0.14),
    )
    brush.path("M306 256 L320 234 L334 256 Q320 266 306 256 Z", "#5f9438")
    for x, y in ((248, 388), (270, 398)):
        brush.ellipse(x, y, 16, 12, "#fffaf2")
        brush.circle(x, y, 6, "#f2a93b")
    for x, y, angle in ((372, 396, -16), (396, 386, 12)):
        brush.ellipse(x, y, 18, 9, "#8a4a22", angle=angle)
    chilli(brush, 320, 404, 0.42, -6)
    brush.text(320, 444, "50 resep rumahan", 21, "#fffaf2")
    badge(brush, 452, 154, "PDF", "#4a3f9e")
    with brush.moved(508, 436, 12):
        brush.rect(-9, -40, 18, 112, 8, "#a5622c")
        brush.ellipse(0, -66, 29, 42, "#c8844a")
        brush.ellipse(-3, -68, 19, 31, "#a5622c")
    with brush.moved(134, 436, -14):
        brush.rect(-8, -24, 16, 96, 7, "#a5622c")
        brush.path("M-28 -98 L28 -98 L22 -18 Q0 -8 -22 -18 Z", "#c8844a")
        for x in (-11, 0, 11):
            brush.path(f"M{x} -84 L{x * 0.8} -36", stroke="#8a4a22", width=5)


def kue_lebaran(brush, mood, random):
    """A tablet showing a cookie book, under a crescent and lanterns."""
    tablet(brush, mood, "#1f6f5c")
    brush.text(320, 154, "Kue Lebaran", 40, "#fffaf2", "Lobster Two", limit=216)
    brush.text(320, 190, "20 resep kue kering", 20, "#f9d58a")
    brush.circle(320, 318, 100, "#2f8f74")
    brush.circle(320, 288, 62, "#f9d58a")
    brush.circle(344, 276, 54, "#2f8f74")
    sparkle(brush, 346, 284, 22, "#f9d58a")
    brush.ellipse(320, 420, 108, 24, "#d9c7a0")
    brush.ellipse(320, 414, 108, 24, "#fffaf2")
    for x, y in (
        (258, 398),
        (300, 404),
        (342, 404),
        (384, 398),
        (280, 370),
        (322, 374),
        (364, 370),
        (302, 342),
        (344, 342),
    ):
        nastar_ball(brush, x, y, 23)
    for x, drop, tone in ((132, 210, "#e0674e"), (508, 250, "#e9a23b")):
        brush.path(f"M{x} 0 L{x} {drop - 56}", stroke="#6a5fb8", width=4)
        brush.rect(x - 16, drop - 62, 32, 12, 5, "#4a3f9e")
        brush.path(
            f"M{x - 22} {drop - 50} L{x + 22} {drop - 50} L{x + 38} {drop - 10} "
            f"L{x + 20} {drop + 40} L{x - 20} {drop + 40} L{x - 38} {drop - 10} Z",
            tone,
        )
        brush.path(
            f"M{x - 12} {drop - 40} L{x + 12} {drop - 40} L{x + 22} {drop - 8} "
            f"L{x + 11} {drop + 30} L{x - 11} {drop + 30} L{x - 22} {drop - 8} Z",
            "#ffe7a3",
        )
        brush.rect(x - 22, drop + 38, 44, 11, 5, "#4a3f9e")
        brush.path(f"M{x} {drop + 50} L{x} {drop + 76}", stroke=tone, width=7)
    badge(brush, 454, 428, "PDF", "#4a3f9e")
    for x, y, angle in ((132, 468, -8), (168, 488, 10)):
        with brush.moved(x, y, angle):
            brush.path("M0 -36 L36 0 L0 36 L-36 0 Z", "#7fa83c")
            for k in (-24, -12, 0, 12, 24):
                brush.path(
                    f"M{k / 2 - 16} {-k / 2 - 16} L{k / 2 + 16} {-k / 2 + 16}",
                    stroke="#94b94e",
                    width=4,
                )
                brush.path(
                    f"M{k / 2 - 16} {k / 2 + 16} L{k / 2 + 16} {k / 2 - 16}",
                    stroke="#6a9433",
                    width=4,
                )


def ticket(brush, y, paper, stub):
    """A wide voucher with a torn-off stub, tilted a little by the caller."""
    left, right, top, bottom = -222, 222, y, y + 224
    outline = (
        f"M{left + 18} {top} L92 {top} Q104 {top + 24} 116 {top} L{right - 18} {top} "
        f"Q{right} {top} {right} {top + 18} "
        f"L{right} {bottom - 18} Q{right} {bottom} {right - 18} {bottom} L116 {bottom} "
        f"Q104 {bottom - 24} 92 {bottom} "
        f"L{left + 18} {bottom} Q{left} {bottom} {left} {bottom - 18} L{left} {top + 18} "
        f"Q{left} {top} {left + 18} {top} Z"
    )
    with brush.moved(0, 9):
        brush.path(outline, "#2a140833")
    brush.path(outline, paper)
    with brush.clip(outline):
        brush.rect(104, top, 130, 224, 0, stub)
    for step in range(8):
        brush.rect(102, top + 24 + step * 24, 5, 12, 2, "#fffaf2")


def stub_words(brush, y):
    """The writing on a voucher's stub."""
    with brush.moved(164, y + 112, 90):
        brush.text(0, -16, "VOUCHER", 32, "#fffaf2")
        brush.text(0, 22, "satu peserta", 20, "#fffaf2")


def kelas_kopi(brush, mood, random):
    """A class voucher behind a pour-over coffee maker."""
    with brush.moved(318, 160, -5):
        ticket(brush, -40, CREAM, "#6b3e26")
        stub_words(brush, -40)
        brush.text(-60, 0, "Toko Sari", 26, "#a04a22", "Lobster Two")
        brush.text(-60, 46, "Kelas Kopi", 45, "#5b3322")
        brush.text(-60, 88, "daring · 90 menit", 22, "#8a5a3c")
    shadow(brush, 320, 120, mood)
    glass = (
        "M276 392 L364 392 L364 412 C416 428 428 462 424 488 Q422 512 398 512 L242 512 "
        "Q218 512 216 488 C212 462 224 428 276 412 Z"
    )
    brush.path("M420 440 C476 430 476 498 418 496", stroke="#fffaf2", width=13)
    brush.path(glass, "#f4f4fb")
    with brush.clip(glass):
        brush.path("M200 452 Q320 466 440 452 L440 520 L200 520 Z", "#5b3420")
        brush.rect(386, 400, 60, 120, 0, "#2a140826")
        brush.rect(236, 448, 11, 44, 5, "#ffffff77")
    brush.path(glass, stroke="#ffffff", width=5)
    brush.path("M320 394 L320 450", stroke="#5b3420", width=5)
    brush.path("M222 300 L418 300 L352 384 L288 384 Z", "#d2553f")
    brush.path("M370 300 L418 300 L352 384 L326 384 Z", darker("#d2553f", 0.18))
    brush.path("M234 300 L252 276 L388 276 L406 300 Z", "#fffaf2")
    brush.ellipse(320, 300, 84, 10, "#5b3420")
    brush.rect(250, 380, 140, 17, 8, "#a83f2c")
    for x, y, angle in (
        (160, 500, 20),
        (196, 510, -35),
        (500, 504, 10),
        (474, 514, 60),
        (126, 508, 70),
    ):
        bean(brush, x, y, 46, angle)
    with brush.moved(520, 440, 0, 0.62):
        steam(brush, 0, -6, "#fffaf2")
        brush.path("M48 10 C96 4 96 60 44 58", stroke="#fffaf2", width=13)
        brush.path("M-56 0 L56 0 C56 64 34 90 10 92 L-10 92 C-34 90 -56 64 -56 0 Z", "#fffaf2")
        brush.ellipse(0, 0, 56, 11, "#ecdcc6")
        brush.ellipse(0, 2, 47, 8, "#5b3420")


def kelas_batik(brush, mood, random):
    """A class voucher behind a cloth being drawn with a canting."""
    with brush.moved(318, 160, 4):
        ticket(brush, -40, CREAM, "#27496d")
        stub_words(brush, -40)
        brush.text(-60, 0, "Toko Sari", 26, "#a5324a", "Lobster Two")
        brush.text(-60, 46, "Kelas Membatik", 38, "#27496d", limit=270)
        brush.text(-60, 88, "daring · 2 pertemuan", 22, "#5b6f8a")
    shadow(brush, 300, 190, mood)
    cloth = "M124 326 Q300 292 476 326 L498 500 Q400 524 300 506 Q200 490 104 512 Z"
    brush.path(cloth, "#f6ead2")
    with brush.clip(cloth):
        brush.path("M90 300 L340 300 C320 380 350 440 330 530 L90 530 Z", "#27496d")
        with brush.clip("M90 300 L330 300 C310 380 340 440 320 530 L90 530 Z"):
            with brush.moved(112, 316):
                kawung(brush, 260, 210, 62, "#f3d9a4")
                for x in range(0, 280, 62):
                    for y in range(0, 220, 62):
                        brush.circle(x + 31, y + 31, 5, "#d2554a")
        for x, y in ((360, 378), (422, 378), (360, 440), (422, 440)):
            for angle, dx, dy in ((45, -1, -1), (-45, 1, -1), (45, 1, 1), (-45, -1, 1)):
                brush.ellipse(
                    x + dx * 15.5, y + dy * 15.5, 16, 8, stroke="#a5622c", width=2.5, angle=angle
                )
        brush.path("M90 484 Q300 462 510 480 L510 540 L90 540 Z", "#a5324a")
        for x in range(110, 500, 30):
            brush.path(f"M{x} 500 L{x + 10} 488 L{x + 20} 500 Z", "#f3d9a4")
    with brush.moved(452, 408, 38):
        brush.rect(26, -12, 150, 24, 12, "#a5622c")
        brush.rect(26, 1, 150, 11, 5, darker("#a5622c", 0.2))
        brush.rect(18, -15, 24, 30, 6, "#e9b949")
        brush.path("M22 -20 C22 16 -26 20 -30 -4 C-32 -14 -24 -22 -14 -22 Z", "#c8762e")
        brush.path("M22 -20 C22 16 -8 20 -20 12 C6 8 14 -8 12 -21 Z", darker("#c8762e", 0.2))
        brush.path("M-28 0 C-40 2 -46 10 -48 20", stroke="#c8762e", width=6)
        brush.ellipse(0, -21, 22, 5, "#5b3322")


def planner(brush, mood, random):
    """A laptop and a phone with the same worksheet."""
    shadow(brush, 320, 200, mood)
    brush.rect(128, 150, 370, 280, 20, "#2b2840")
    brush.rect(144, 166, 338, 244, 8, "#fffaf2")
    brush.path("M92 430 L534 430 L552 486 Q552 512 530 512 L96 512 Q74 512 74 486 Z", "#b9b6d0")
    brush.path("M74 486 L552 486 Q552 512 530 512 L96 512 Q74 512 74 486 Z", "#9a96ba")
    brush.path("M114 440 L512 440 L522 470 L104 470 Z", "#7d78a3")
    brush.rect(262, 474, 102, 10, 5, "#8a86ae")
    brush.rect(144, 166, 338, 48, 8, "#4a3f9e")
    brush.text(290, 189, "Planner Belanja", 26, "#fffaf2", "Lobster Two")
    for i, (h, tone) in enumerate(
        ((46, "#e0674e"), (82, "#f2b84b"), (60, "#2f8f8c"), (100, "#4a3f9e"), (72, "#e0674e"))
    ):
        brush.rect(166 + i * 30, 346 - h, 21, h, 5, tone)
    brush.path("M160 347 L318 347", stroke="#b9b6d0", width=4)
    brush.circle(398, 288, 56, "#2f8f8c")
    brush.path("M398 288 L398 232 C444 232 468 278 446 318 Z", "#f2b84b")
    brush.path("M398 288 L446 318 C430 342 404 350 378 341 Z", "#e0674e")
    brush.circle(398, 288, 27, "#fffaf2")
    for y in (368, 388):
        brush.rect(166, y, 20, 12, 3, "#2f8f8c")
        brush.rect(196, y, 116, 10, 5, "#dcd9ec")
        brush.rect(326, y, 60, 10, 5, "#dcd9ec")
    brush.rect(430, 282, 130, 234, 20, "#211e36")
    brush.rect(440, 296, 110, 206, 10, "#fffaf2")
    brush.rect(440, 296, 110, 38, 10, "#e0674e")
    brush.text(495, 315, "Menu", 20, "#fffaf2")
    for i, y in enumerate(range(348, 490, 30)):
        done = i < 3
        brush.rect(452, y, 18, 18, 5, "#2f8f8c" if done else "#dcd9ec")
        if done:
            brush.path(f"M{456} {y + 9} L{460} {y + 13} L{467} {y + 5}", stroke="#fffaf2", width=3)
        brush.rect(480, y + 4, 58 - i * 5, 9, 4, "#cfcbe6")
    for x, y, r, tone in ((116, 470, 34, "#f2b84b"), (96, 500, 30, "#e9a93a")):
        brush.ellipse(x, y + 10, r, 13, darker(tone, 0.3))
        brush.ellipse(x, y + 2, r, 13, tone)
        brush.text(x, y + 2, "Rp", 16, "#8a5a1c")
    sparkle(brush, 228, 110, 18)
    sparkle(brush, 390, 104, 13)


PICTURES = {
    "DIGI-01": ("E-Book Resep Nusantara", resep),
    "DIGI-02": ("E-Book Kue Lebaran", kue_lebaran),
    "DIGI-03": ("Voucher Kelas Kopi", kelas_kopi),
    "DIGI-04": ("Voucher Kelas Membatik", kelas_batik),
    "DIGI-05": ("Planner Belanja Digital", planner),
}
