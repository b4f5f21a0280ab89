#!/usr/bin/env python3
"""Draw the product pictures of the demo shop into images/.

Needs pycairo, Pillow and two open fonts; on Debian:

    apt-get install python3-cairo python3-pil fonts-quicksand fonts-lobster

Run it from anywhere:

    /usr/bin/python3 demo/draw.py               # every product
    /usr/bin/python3 demo/draw.py KOPI-01 ...   # only these

The same program on the same library versions writes the same bytes. Each
picture is drawn at twice its size, scaled down, reduced to a small set of
colours, and stored as 8-bit RGB rather than indexed, because Meta asks for
"8-bit, RGB or RGBA" images. It refuses a picture over MAX_BYTES.
"""

import csv
import struct
import sys
import zlib
from pathlib import Path
from random import Random

import cairo
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from art import camilan, digital, kado, kopi, rumah, sembako  # noqa: E402
from art.canvas import SIDE, Brush  # noqa: E402
from art.scene import MOODS, backdrop, name_plate  # noqa: E402

OVERSAMPLING = 2
COLOURS = 80
MAX_BYTES = 60 * 1024

PICTURES = {
    **kopi.PICTURES,
    **camilan.PICTURES,
    **sembako.PICTURES,
    **rumah.PICTURES,
    **kado.PICTURES,
    **digital.PICTURES,
}
"""sku -> (words on the name plate, function that draws the product)."""


def draw(sku, category):
    """Return the finished picture of one product as PNG bytes."""
    side = SIDE * OVERSAMPLING
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, side, side)
    context = cairo.Context(surface)
    context.scale(OVERSAMPLING, OVERSAMPLING)
    brush, mood = Brush(context), MOODS[category]
    words, product = PICTURES[sku]
    backdrop(brush, mood)
    # Seeded by the name, so that one picture never depends on the others.
    product(brush, mood, Random(sku))
    name_plate(brush, mood, words)
    surface.flush()
    large = Image.frombuffer("RGB", (side, side), bytes(surface.get_data()), "raw", "BGRX", 0, 1)
    return _encode(large.resize((SIDE, SIDE), Image.Resampling.BOX))


def _encode(image):
    few = image.quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    return _png(few.convert("RGB"))


def _png(image):
    """Encode an RGB image without row filters: flat colours deflate a third smaller so."""
    width, height = image.size
    pixels, stride = image.tobytes(), 3 * width
    rows = b"".join(b"\0" + pixels[y * stride : (y + 1) * stride] for y in range(height))
    deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 9)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", deflate.compress(rows) + deflate.flush()),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def main(wanted):
    """Draw the wanted products, or all of them."""
    with open(HERE / "products.csv", encoding="utf-8", newline="") as file:
        categories = {row["sku"]: row["category"] for row in csv.DictReader(file)}
    unknown = sorted(set(wanted) - set(categories))
    missing = sorted(set(categories) - set(PICTURES))
    if unknown or missing:
        sys.exit(f"no such product: {unknown}; no picture for: {missing}")
    total = 0
    (HERE / "images").mkdir(exist_ok=True)
    for sku in wanted or categories:
        picture = draw(sku, categories[sku])
        if len(picture) > MAX_BYTES:
            sys.exit(f"{sku}: {len(picture)} bytes, more than {MAX_BYTES}")
        (HERE / "images" / f"{sku}.png").write_bytes(picture)
        total += len(picture)
        print(f"{sku:12} {len(picture) / 1024:5.1f} KiB")
    print(f"{'total':12} {total / 1024:5.1f} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
