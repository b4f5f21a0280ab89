"""A thin brush over pycairo: shapes in one call each, colours as hex strings.

Every picture is drawn on a square of SIDE units, with y growing downwards.
Paths are written like SVG paths with absolute M, L, C, Q and Z only.
"""

import math
import re
from contextlib import contextmanager

import cairo

SIDE = 640

_TOKEN = re.compile(r"[MLCQZ]|-?\d+(?:\.\d+)?")
_ARGUMENTS = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}


def mix(colour, other, share):
    """Return `colour` moved towards `other` by `share` (0 to 1), keeping its alpha."""
    mixed = [a + (b - a) * share for a, b in zip(_rgba(colour)[:3], _rgba(other)[:3], strict=True)]
    return "#" + "".join(f"{round(c * 255):02x}" for c in mixed) + colour[7:]


def darker(colour, share=0.15):
    """Return a warm, darker version of `colour`."""
    return mix(colour, "#2a1408", share)


def lighter(colour, share=0.25):
    """Return a warm, lighter version of `colour`."""
    return mix(colour, "#fffaf0", share)


class Brush:
    """Draws on a cairo context; fills first, then strokes."""

    def __init__(self, context):
        """Draw on `context` from now on, with round joins and caps."""
        self._context = context
        context.set_line_join(cairo.LINE_JOIN_ROUND)
        context.set_line_cap(cairo.LINE_CAP_ROUND)

    def path(self, data, fill=None, stroke=None, width=4):
        """Draw an SVG-like path."""
        self._trace(data)
        self._paint(fill, stroke, width)

    def polygon(self, points, fill=None, stroke=None, width=4):
        """Draw a closed polygon through `points`."""
        self._context.new_path()
        for x, y in points:
            self._context.line_to(x, y)
        self._context.close_path()
        self._paint(fill, stroke, width)

    def circle(self, x, y, radius, fill=None, stroke=None, width=4):
        """Draw a circle around (x, y)."""
        self.ellipse(x, y, radius, radius, fill, stroke, width)

    def ellipse(self, x, y, rx, ry, fill=None, stroke=None, width=4, angle=0):
        """Draw an ellipse around (x, y), turned by `angle` degrees."""
        context = self._context
        context.new_path()
        context.save()
        context.translate(x, y)
        context.rotate(math.radians(angle))
        context.scale(rx, ry)
        context.arc(0, 0, 1, 0, 2 * math.pi)
        context.restore()
        self._paint(fill, stroke, width)

    def rect(self, x, y, w, h, radius=0, fill=None, stroke=None, width=4):
        """Draw a rectangle with rounded corners; (x, y) is its top left."""
        context = self._context
        radius = max(0.01, min(radius, w / 2, h / 2))
        context.new_path()
        for cx, cy, turn in (
            (x + w - radius, y + radius, -90),
            (x + w - radius, y + h - radius, 0),
            (x + radius, y + h - radius, 90),
            (x + radius, y + radius, 180),
        ):
            context.arc(cx, cy, radius, math.radians(turn), math.radians(turn + 90))
        context.close_path()
        self._paint(fill, stroke, width)

    def text(self, x, y, words, size, colour, font="Quicksand", limit=None):
        """Write `words` centred on x, optically centred on y, shrunk to fit `limit`."""
        context = self._context
        slant = cairo.FONT_SLANT_ITALIC if font == "Lobster Two" else cairo.FONT_SLANT_NORMAL
        context.select_font_face(font, slant, cairo.FONT_WEIGHT_BOLD)
        context.set_font_size(size)
        if limit and context.text_extents(words).width > limit:
            size *= limit / context.text_extents(words).width
            context.set_font_size(size)
        extents = context.text_extents(words)
        context.move_to(x - extents.width / 2 - extents.x_bearing, y + size * 0.34)
        context.set_source_rgba(*_rgba(colour))
        context.show_text(words)

    @contextmanager
    def clip(self, data):
        """Keep everything drawn inside the block within a path."""
        self._context.save()
        self._trace(data)
        self._context.clip()
        yield
        self._context.restore()

    @contextmanager
    def moved(self, x, y, angle=0, scale=1):
        """Draw the block around (x, y), turned by `angle` degrees and scaled."""
        self._context.save()
        self._context.translate(x, y)
        self._context.rotate(math.radians(angle))
        self._context.scale(scale, scale)
        yield
        self._context.restore()

    def _trace(self, data):
        context = self._context
        context.new_path()
        tokens = _TOKEN.findall(data)
        at, command = 0, "M"
        while at < len(tokens):
            if tokens[at] in _ARGUMENTS:
                command = tokens[at]
                at += 1
            count = _ARGUMENTS[command]
            numbers = [float(token) for token in tokens[at : at + count]]
            at += count
            self._step(command, numbers)

    def _step(self, command, numbers):
        context = self._context
        if command == "M":
            context.move_to(*numbers)
        elif command == "L":
            context.line_to(*numbers)
        elif command == "C":
            context.curve_to(*numbers)
        elif command == "Z":
            context.close_path()
        else:
            # Cairo has cubic curves only: raise the quadratic one by a degree.
            (x0, y0), (cx, cy, x, y) = context.get_current_point(), numbers
            context.curve_to(
                x0 + (cx - x0) * 2 / 3,
                y0 + (cy - y0) * 2 / 3,
                x + (cx - x) * 2 / 3,
                y + (cy - y) * 2 / 3,
                x,
                y,
            )

    def _paint(self, fill, stroke, width):
        context = self._context
        if fill:
            context.set_source_rgba(*_rgba(fill))
            context.fill_preserve()
        if stroke:
            context.set_source_rgba(*_rgba(stroke))
            context.set_line_width(width)
            context.stroke_preserve()
        context.new_path()


def _rgba(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in range(1, len(colour), 2)]
    return (*parts, 1.0)[:4] if len(parts) == 3 else tuple(parts)
