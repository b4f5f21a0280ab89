"""Packages that several products share: pouches, jars, bottles, patches, books."""

from art.canvas import darker, lighter

CREAM = "#fff6e6"


def pouch(brush, x, base, w, h, colour):
    """A stand-up pouch centred on x, standing on `base`."""
    left, right, top = x - w / 2, x + w / 2, base - h
    outline = (
        f"M{left + 8} {top} L{right - 8} {top} L{right - 4} {top + 46} "
        f"C{right + 14} {top + h * 0.4} {right + 12} {base - 50} {right - 2} {base - 14} "
        f"Q{right - 4} {base} {right - 20} {base + 2} Q{x} {base + 12} {left + 20} {base + 2} "
        f"Q{left + 4} {base} {left + 2} {base - 14} "
        f"C{left - 12} {base - 50} {left - 14} {top + h * 0.4} {left + 4} {top + 46} Z"
    )
    brush.path(outline, colour)
    with brush.clip(outline):
        brush.path(
            f"M{right - w * 0.16} {top} C{right - w * 0.06} {top + h * 0.4} "
            f"{right - w * 0.06} {base - 60} {right - w * 0.2} {base + 20} "
            f"L{right + 30} {base + 20} L{right + 30} {top} Z",
            darker(colour, 0.14),
        )
        brush.path(
            f"M{left - 20} {base - 34} Q{x} {base - 4} {right + 20} {base - 34} "
            f"L{right + 20} {base + 30} L{left - 20} {base + 30} Z",
            darker(colour, 0.24),
        )
        brush.path(
            f"M{left + 20} {top + 64} "
            f"C{left + 8} {top + h * 0.4} {left + 8} {base - 100} {left + 18} {base - 62}",
            stroke=lighter(colour, 0.35),
            width=9,
        )
        brush.rect(left - 20, top, w + 40, 34, 0, darker(colour, 0.24))
        brush.rect(left - 20, top + 9, w + 40, 4, 0, darker(colour, 0.36))
        brush.rect(left - 20, top + 20, w + 40, 4, 0, darker(colour, 0.36))


def pillow(brush, x, base, w, h, colour):
    """A pillow bag with zigzag seals at the top and the bottom."""
    left, right, top = x - w / 2, x + w / 2, base - h
    teeth = 12
    step = w / teeth
    upper = [(left + i * step, top + (0 if i % 2 else 9)) for i in range(teeth + 1)]
    lower = [(right - i * step, base - (0 if i % 2 else 9)) for i in range(teeth + 1)]
    edge = " ".join(f"L{px} {py}" for px, py in upper[1:])
    foot = " ".join(f"L{px} {py}" for px, py in lower[1:])
    outline = (
        f"M{upper[0][0]} {upper[0][1]} {edge} L{right} {top + 38} "
        f"C{right + 22} {top + h * 0.35} {right + 22} {base - h * 0.35} {right} {base - 38} "
        f"L{lower[0][0]} {lower[0][1]} {foot} L{left} {base - 38} "
        f"C{left - 22} {base - h * 0.35} {left - 22} {top + h * 0.35} {left} {top + 38} Z"
    )
    brush.path(outline, colour)
    with brush.clip(outline):
        brush.path(
            f"M{right - 46} {top} C{right - 14} {top + h * 0.35} {right - 14} {base - h * 0.35} "
            f"{right - 46} {base} L{right + 40} {base} L{right + 40} {top} Z",
            darker(colour, 0.14),
        )
        for y in (top, base - 36):
            brush.rect(left - 30, y, w + 60, 36, 0, darker(colour, 0.2))
            for line in (10, 18, 26):
                brush.rect(left - 30, y + line - 1, w + 60, 3, 0, darker(colour, 0.3))
        brush.path(
            f"M{left + 16} {top + 60} "
            f"C{left + 2} {top + h * 0.35} {left + 2} {base - h * 0.4} {left + 14} {base - 76}",
            stroke=lighter(colour, 0.45),
            width=10,
        )


def jar_outline(x, base, w, h):
    """The outline of a jar's glass, for clipping its contents."""
    left, right, top = x - w / 2, x + w / 2, base - h
    return (
        f"M{left + 26} {top} L{right - 26} {top} Q{right} {top + 8} {right} {top + 44} "
        f"L{right} {base - 34} Q{right} {base} {right - 34} {base} L{left + 34} {base} "
        f"Q{left} {base} {left} {base - 34} L{left} {top + 44} "
        f"Q{left} {top + 8} {left + 26} {top} Z"
    )


def jar(brush, x, base, w, h, lid, contents, glass="#fffdf6"):
    """A glass jar with a screw lid; `contents()` draws inside the glass."""
    left, right, top = x - w / 2, x + w / 2, base - h
    outline = jar_outline(x, base, w, h)
    brush.path(outline, glass)
    with brush.clip(outline):
        contents()
        brush.rect(right - 26, top, 40, h, 0, "#2a140822")
        brush.rect(left, base - 12, w, 20, 0, "#2a14081c")
        brush.rect(left + 15, top + 40, 14, h - 100, 7, "#ffffffaa")
        brush.rect(left + 15, base - 48, 14, 18, 7, "#ffffffaa")
    brush.path(outline, stroke="#ffffff", width=5)
    brush.rect(left + 14, top - 44, w - 28, 54, 12, lid)
    brush.rect(right - 56, top - 44, 42, 54, 12, darker(lid, 0.18))
    brush.rect(left + 14, top - 6, w - 28, 16, 6, darker(lid, 0.22))
    brush.rect(left + 28, top - 35, w - 110, 8, 4, lighter(lid, 0.35))


def bottle(brush, x, base, w, h, liquid, cap, glass=None):
    """A straight bottle with a neck and a cap."""
    left, right, top = x - w / 2, x + w / 2, base - h
    neck = w * 0.2
    outline = (
        f"M{x - neck} {top + 30} L{x + neck} {top + 30} L{x + neck} {top + h * 0.16} "
        f"C{x + neck} {top + h * 0.28} {right} {top + h * 0.25} {right} {top + h * 0.42} "
        f"L{right} {base - 24} Q{right} {base} {right - 24} {base} L{left + 24} {base} "
        f"Q{left} {base} {left} {base - 24} L{left} {top + h * 0.42} "
        f"C{left} {top + h * 0.25} {x - neck} {top + h * 0.28} {x - neck} {top + h * 0.16} Z"
    )
    brush.path(outline, glass or liquid)
    with brush.clip(outline):
        brush.rect(left, top + h * 0.2, w, h, 0, liquid)
        brush.rect(right - w * 0.16, top, w * 0.2, h, 0, darker(liquid, 0.16))
        brush.rect(left, base - 12, w, 14, 0, darker(liquid, 0.16))
        brush.rect(left + 14, top + h * 0.42, 12, h * 0.46, 6, "#ffffff8c")
    brush.rect(x - neck - 6, top - 4, neck * 2 + 12, 42, 8, cap)
    brush.rect(x + neck - 12, top - 4, 18, 42, 8, darker(cap, 0.2))
    brush.rect(x - neck - 8, top + 28, neck * 2 + 16, 12, 5, darker(cap, 0.25))


def patch(brush, x, y, w, h, colour, title, subtitle="", paper=CREAM, radius=14):
    """A paper label centred on (x, y), with the shop's name and the product's."""
    brush.rect(x - w / 2, y - h / 2, w, h, radius, paper)
    brush.rect(x - w / 2 + 6, y - h / 2 + 6, w - 12, h - 12, radius - 5, stroke=colour, width=2.5)
    brush.text(x, y - h * 0.23, "Toko Sari", min(24, h * 0.2), colour, "Lobster Two", w - 30)
    brush.text(x, y + h * 0.07, title, min(40, h * 0.29), colour, limit=w - 30)
    if subtitle:
        brush.text(x, y + h * 0.31, subtitle, min(19, h * 0.15), darker(colour, 0.1), limit=w - 36)


def scatter(random, x0, y0, x1, y1, step):
    """Yield jittered grid points and an angle, row by row from the top."""
    y = y0
    row = 0
    while y < y1:
        x = x0 + (row % 2) * step / 2
        while x < x1 + step / 2:
            yield (
                x + random.uniform(-0.12, 0.12) * step,
                y + random.uniform(-0.12, 0.12) * step,
                random.uniform(0, 180),
            )
            x += step
        y += step * 0.8
        row += 1
