"""Makes the image files of tests/data and prints what Python's imagehash says of each.

The files are drawn from formulas, so nothing in them belongs to anybody. They were written once with
Pillow 12.0.0; the expected hashes in tests/it/reference.rs are the output of this script on the
same files under Pillow 12.0.0 and 13.0.0:

    venv12/bin/python bench/fixtures.py write tests/data
    venv12/bin/python bench/fixtures.py hash tests/data
    venv13/bin/python bench/fixtures.py hash tests/data
"""

import os
import sys

import imagehash
from PIL import Image


def draw(width, height, pixel):
    image = Image.new("RGB", (width, height))
    image.putdata([pixel(x, y) for y in range(height) for x in range(width)])
    return image


def soft(x, y):
    return ((x * x // 9 + 3 * y) % 256, (3 * x + y * y // 7) % 256, (x * y // 11) % 256)


def write(folder):
    image = draw(93, 71, soft)
    tall = draw(40, 260, soft)
    save = lambda picture, name, **options: picture.save(os.path.join(folder, name), **options)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        save(image, f"jpeg-{name}.jpg", quality=80, subsampling=subsampling)
    save(image, "jpeg-progressive.jpg", quality=80, progressive=True)
    save(image.convert("L"), "jpeg-gray.jpg", quality=80)
    save(image.convert("CMYK"), "jpeg-cmyk.jpg", quality=80)
    save(tall, "jpeg-tall.jpg", quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(image, "jpeg-exif-rotated.jpg", quality=80, exif=exif)
    save(image, "png-rgb.png", optimize=True)
    save(image.quantize(16), "png-palette-transparent.png", transparency=3)
    alpha = Image.new("L", image.size)
    alpha.putdata([(x * 5 + y) % 256 for y in range(image.height) for x in range(image.width)])
    image.putalpha(alpha)
    save(image, "png-rgba.png", optimize=True)
    save(image.convert("LA"), "png-gray-alpha.png", optimize=True)
    save(image.convert("RGB"), "webp-lossy.webp", quality=80)
    save(image.convert("RGB"), "webp-lossless.webp", lossless=True)
    save(image.convert("RGB").quantize(32), "gif.gif")
    save(image.convert("RGB"), "bmp.bmp")
    save(image.convert("RGB"), "tiff-lzw.tiff", compression="tiff_lzw")
    tags = {0x0112: 3}
    save(image.convert("RGB"), "tiff-rotated.tiff", compression="tiff_lzw", tiffinfo=tags)
    deep = Image.new("I;16", image.size)
    deep.putdata([(x * 701 + y * 97) % 65536 for y in range(71) for x in range(93)])
    save(deep, "png-gray-16-bit.png", optimize=True)


def hash_all(folder):
    for name in sorted(os.listdir(folder)):
        with Image.open(os.path.join(folder, name)) as image:
            print(f'("{name}", "{imagehash.dhash(image.convert("RGB"))}"),')


if __name__ == "__main__":
    {"write": write, "hash": hash_all}[sys.argv[1]](sys.argv[2])
