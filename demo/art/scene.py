"""What surrounds a product: background, pattern, stage and name plate."""

from dataclasses import dataclass

from art.canvas import SIDE, darker, lighter, mix

GROUND = 512
"""The y on which every product stands."""


@dataclass(frozen=True)
class Mood:
    """The palette and the pattern of a category."""

    wall: str
    stage: str
    accent: str
    pattern: str


MOODS = {
    "kopi": Mood("#f4e6d3", "#e6cba8", "#6b3e26", "kawung"),
    "camilan": Mood("#ffe9cc", "#ffd199", "#bf4326", "ceplok"),
    "sembako": Mood("#ebf1d8", "#d0e0ac", "#4b752c", "rice"),
    "rumah": Mood("#dff0ec", "#b5ddd5", "#1c7472", "waves"),
    "kado": Mood("#fce2e3", "#f6c0c6", "#a5324a", "ceplok"),
    "digital": Mood("#e8e5f8", "#cbc5ee", "#4a3f9e", "parang"),
}


def backdrop(brush, mood):
    """Fill the picture with the wall, its pattern and the round stage."""
    brush.rect(0, 0, SIDE, SIDE, 0, mood.wall)
    PATTERNS[mood.pattern](brush, SIDE, SIDE, 64, mix(mood.wall, mood.stage, 0.45))
    brush.circle(SIDE / 2, 296, 244, mix(mood.wall, mood.stage, 0.4))
    brush.circle(SIDE / 2, 296, 226, mood.stage)
    brush.ellipse(SIDE / 2, GROUND, 226, 24, darker(mood.stage, 0.14))


def name_plate(brush, mood, words):
    """Write the product's short name on a plate at the foot of the picture."""
    brush.rect(84, 553, 472, 62, 31, darker(mood.stage, 0.1))
    brush.rect(84, 548, 472, 62, 31, "#fffaf2")
    brush.text(SIDE / 2, 579, words, 33, mood.accent, limit=424)


def kawung(brush, width, height, cell, colour):
    """Four ovals meeting in a point: the batik of sugar-palm fruit."""
    for x, y in _grid(width, height, cell):
        for dx, dy, angle in ((-1, -1, 45), (1, -1, -45), (1, 1, 45), (-1, 1, -45)):
            brush.ellipse(
                x + dx * cell * 0.25,
                y + dy * cell * 0.25,
                cell * 0.26,
                cell * 0.13,
                colour,
                angle=angle,
            )


def ceplok(brush, width, height, cell, colour):
    """Rosettes and dots: the batik of cross-cut fruit and flowers."""
    for x, y in _grid(width, height, cell):
        for angle in range(0, 180, 45):
            brush.ellipse(x, y, cell * 0.28, cell * 0.07, colour, angle=angle)
        brush.circle(x + cell / 2, y + cell / 2, cell * 0.09, colour)


def parang(brush, width, height, cell, colour):
    """Slanting rows of knife-like waves."""
    for x, y in _grid(width + cell, height, cell):
        with brush.moved(x, y, 45, cell / 64):
            brush.path(
                "M-30 -8 C-12 -24 8 -16 8 -2 C8 8 -6 8 -6 -2 C-10 10 10 22 30 6",
                stroke=colour,
                width=7,
            )


def rice(brush, width, height, cell, colour):
    """Sprigs of rice."""
    for x, y in _grid(width, height, cell):
        for side in (-1, 1):
            for step in range(3):
                brush.ellipse(
                    x + side * cell * 0.1,
                    y - cell * (0.2 - 0.2 * step),
                    cell * 0.12,
                    cell * 0.05,
                    colour,
                    angle=side * -50,
                )
        brush.ellipse(x, y - cell * 0.36, cell * 0.05, cell * 0.12, colour)


def waves(brush, width, height, cell, colour):
    """Fish-scale waves."""
    for row, y in enumerate(range(0, int(height) + int(cell), int(cell / 2))):
        for x in range(0, int(width) + int(cell) * 2, int(cell)):
            for radius in (0.42, 0.22):
                left = x - (row % 2) * cell / 2
                r = cell * radius
                brush.path(
                    f"M{left - r} {y} "
                    f"C{left - r} {y - r * 1.3} {left + r} {y - r * 1.3} {left + r} {y}",
                    stroke=colour,
                    width=cell * 0.06,
                )


PATTERNS = {"kawung": kawung, "ceplok": ceplok, "parang": parang, "rice": rice, "waves": waves}


def shadow(brush, x, half_width, mood):
    """Draw the shadow of something standing on the stage at x."""
    brush.ellipse(x, GROUND + 2, half_width, 13, darker(mood.stage, 0.3))


def steam(brush, x, y, colour, scale=1.0):
    """Three curls of steam rising from (x, y)."""
    for dx, lift in ((-34, 8), (0, 0), (34, 8)):
        with brush.moved(x + dx * scale, y + lift * scale, 0, scale):
            brush.path("M0 0 C-18 -18 18 -34 0 -54 C-12 -68 8 -78 4 -88", stroke=colour, width=8)


def sparkle(brush, x, y, size, colour="#fffaf2"):
    """A four-pointed glint."""
    k = size * 0.16
    brush.path(
        f"M{x} {y - size} Q{x + k} {y - k} {x + size} {y} Q{x + k} {y + k} {x} {y + size} "
        f"Q{x - k} {y + k} {x - size} {y} Q{x - k} {y - k} {x} {y - size} Z",
        colour,
    )


def leaf(brush, x, y, length, angle, colour):
    """A leaf whose stem starts at (x, y); angle 0 points right."""
    with brush.moved(x, y, angle, length / 100):
        brush.path("M0 0 C20 -34 70 -34 100 0 C70 34 20 34 0 0 Z", colour)
        brush.path("M0 0 C20 34 70 34 100 0 Z", darker(colour, 0.14))
        brush.path("M2 0 L84 0", stroke=lighter(colour, 0.35), width=4)


def bean(brush, x, y, size, angle, colour="#5a3420"):
    """A roasted coffee bean."""
    with brush.moved(x, y, angle, size / 100):
        brush.ellipse(0, 0, 50, 36, colour)
        brush.path("M-42 18 C-20 38 26 36 44 14 C30 28 -20 30 -42 18 Z", darker(colour, 0.3))
        brush.path("M-46 0 C-20 -16 14 16 46 -2", stroke=darker(colour, 0.5), width=7)
        brush.ellipse(-14, -20, 16, 6, lighter(colour, 0.22), angle=-12)


def garlic(brush, x, y, scale):
    """A bulb of garlic around (x, y)."""
    with brush.moved(x, y, 0, scale):
        brush.path(
            "M-6 -74 C-6 -50 -50 -40 -50 0 C-50 36 -24 40 0 40 "
            "C24 40 50 36 50 0 C50 -40 8 -50 8 -74 Z",
            "#fff8ee",
        )
        brush.path("M20 -32 C50 -16 58 36 14 40 C30 20 32 -10 20 -32 Z", "#ead9cf")
        cloves = "M0 -46 C-26 -20 -26 20 -8 38 M2 -46 C22 -20 22 20 8 38"
        brush.path(cloves, stroke="#c9a0b0", width=4)


def _grid(width, height, cell):
    rows = int(height // cell) + 2
    for row in range(rows):
        for column in range(int(width // cell) + 2):
            yield column * cell, row * cell
