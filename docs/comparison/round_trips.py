#!/usr/bin/env python3
"""Sends pictures through `impasto style --iterations 0` and looks at what comes back with Pillow and Little CMS.

    python docs/comparison/round_trips.py IMPASTO PHOTO STYLE [EXIFTOOL]             needs numpy and pillow

PHOTO is any picture; from it are made one in Display P3, one on its side with EXIF data, one of 16 bits a
channel, one with soft transparency and one in four inks. Each comes back in every format that can hold it. Prints for each
the largest difference of a value to what it should be and what the result says of itself, and fails where that is more
than rounding; a JPEG may deviate on average as Pillow's own of quality 95 without subsampling does, and a tenth more. With exiftool's path EXIF data is read by it as well.
"""

import io
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

SIDE = 160
LOSSLESS = ["png", "tiff", "webp", "bmp"]
ORIENTATION, ARTIST = 274, 315


def display_p3():
    """A profile of Display P3 as ICC.1:2010 has it: primaries adapted to D50, and the curve of sRGB."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def text(words):
        units = words.encode("utf-16-be")
        return b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(units), 28) + units

    curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {
        b"desc": text("Display P3"),
        b"cprt": text("none"),
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(0.51512, 0.2412, -0.00105),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(0.29198, 0.69225, 0.04189),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(0.1571, 0.06657, 0.78407),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28 + fixed(0.9642, 1.0, 0.8249)
    return head + b"\0" * (128 - len(head)) + struct.pack(">I", len(tags)) + table + body


def srgb_of(picture, profile):
    """By Little CMS, relative colorimetric."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), renderingIntent=intent)


def by_jpeg(expected):
    """Mean deviation that JPEG of quality 95 without subsampling costs, as Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(expected).save(file, "jpeg", quality=95, subsampling=0)
    return np.abs(np.asarray(Image.open(file)).astype(np.int64) - expected.astype(np.int64)).mean()


class Trip:
    """One content and what should come back."""

    def __init__(self, name, path, expected, formats, tolerance=0):
        self.name, self.path, self.formats, self.tolerance = name, path, formats, tolerance
        self.expected = expected  # values of 0 to 255, or to 65535

    def check(self, impasto, style, folder, exiftool):
        for ending in self.formats:
            out = folder / f"{self.name}_back.{ending}"
            command = [impasto, "style", self.path, "--style", style, "-o", out, "--iterations", "0", "-q"]
            subprocess.run([str(word) for word in command], check=True)
            self.report(ending, out, exiftool)

    def report(self, ending, out, exiftool):
        written = Image.open(out)
        deviation = np.abs(values(out, self.expected.dtype, ending) - self.expected.astype(np.int64))
        good = deviation.max() <= self.tolerance
        if ending == "jpg":
            good = deviation.mean() <= 1.1 * by_jpeg(self.expected)
        profile = written.info.get("icc_profile")
        says = ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip() if profile else "no profile"
        notes = [f"largest {deviation.max()}", f"mean {deviation.mean():.3f}", written.mode, "×".join(map(str, written.size)), says]
        exif = written.getexif()
        if self.name == "on_its_side" and ending != "bmp":
            good &= exif.get(ARTIST) == "A. Painter" and exif.get(ORIENTATION, 1) == 1
            notes.append(f"artist {exif.get(ARTIST)!r}, orientation {exif.get(ORIENTATION)}")
            if exiftool:
                command = [exiftool, "-s3", "-Artist", "-Orientation", out]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
                good &= said in (["A. Painter"], ["A. Painter", "Horizontal (normal)"])
                notes.append("exiftool: " + ", ".join(said))
        good &= ending == "bmp" or "sRGB" in says
        print(f"{'ok ' if good else 'BAD'} {self.name:12} {ending:5}", "; ".join(notes), flush=True)
        Trip.all_good &= bool(good)

    all_good = True


def values(path, dtype, ending):
    """What a file has for values; Pillow reads 16 bits of three channels by halves, so the rows are unpacked here."""
    if dtype != np.uint16:
        return np.asarray(Image.open(path)).astype(np.int64)
    if ending == "png":
        return png16(path.read_bytes()).astype(np.int64)
    return tiff16(path).astype(np.int64)


def png16(data):
    """The values of a PNG of 16 bits in RGB; filters undone as section 9 of its standard says."""
    import zlib

    at, packed, width, height = 8, b"", 0, 0
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (16, 2), "expected 16 bits in RGB"
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, stride = zlib.decompress(packed), 6 * width
    above, rows = [0] * stride, []
    for y in range(height):
        kind, line = raw[y * (stride + 1)], list(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride):
            left = line[x - 6] if x >= 6 else 0
            corner = above[x - 6] if x >= 6 else 0
            guess = left + above[x] - corner
            near = min((left, above[x], corner), key=lambda value: abs(guess - value))
            line[x] = (line[x] + [0, left, above[x], (left + above[x]) // 2, near][kind]) % 256
        rows.append(bytes(line))
        above = line
    return np.frombuffer(b"".join(rows), ">u2").reshape(height, width, 3)


def tiff16(path):
    """The values of an uncompressed TIFF of 16 bits; the tags by Pillow."""
    tags = Image.open(path).tag_v2
    assert tags[259] in (1, 5, 8) and tuple(tags[258]) == (16, 16, 16), "expected 16 bits in RGB"
    width, height = tags[256], tags[257]
    if tags[259] != 1 or tags.get(317, 1) != 1:
        raise SystemExit("this script reads TIFF of 16 bits without compression only")
    data, order = path.read_bytes(), "<" if path.read_bytes()[:2] == b"II" else ">"
    strips = b"".join(data[at : at + count] for at, count in zip(tags[273], tags[279]))
    return np.frombuffer(strips, order + "u2").reshape(height, width, 3)


def write_png16(path, pixels):
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def trips(photo, folder):
    photo = Image.open(photo).convert("RGB").resize((SIDE, SIDE * 3 // 4))
    pixels = np.asarray(photo)

    p3 = folder / "wide_gamut.png"
    photo.save(p3, icc_profile=display_p3())
    yield Trip("wide_gamut", p3, np.asarray(srgb_of(photo, display_p3())), [*LOSSLESS, "jpg"], tolerance=1)

    side = folder / "on_its_side.tiff"
    exif = Image.Exif()
    exif[ORIENTATION], exif[ARTIST] = 6, "A. Painter"
    turned = photo.transpose(Image.Transpose.ROTATE_90)
    turned.save(side, exif=exif)
    yield Trip("on_its_side", side, pixels, [*LOSSLESS, "jpg"])

    deep = folder / "deep.png"
    fine = pixels.astype(np.uint16) * 257
    fine ^= (np.arange(fine.size, dtype=np.uint16) % 251).reshape(fine.shape)
    write_png16(deep, fine)
    yield Trip("deep", deep, fine, ["png", "tiff"], tolerance=1)
    yield Trip("deep", deep, np.rint(fine / 257).astype(np.uint8), ["webp", "jpg"], tolerance=1)

    soft = folder / "transparent.png"
    alpha = np.linspace(0, 255, SIDE).round().astype(np.uint8)[None, :].repeat(pixels.shape[0], 0)
    Image.fromarray(np.dstack([pixels, alpha])).save(soft)
    over_white = (pixels * (alpha[..., None] / 255) + 255 - alpha[..., None]).round().astype(np.uint8)
    yield Transparent("transparent", soft, np.dstack([pixels, alpha]), ["png", "tiff", "webp"])
    yield Trip("transparent", soft, over_white, ["bmp", "jpg"], tolerance=1)

    inks = folder / "inks.tiff"
    four = photo.convert("CMYK")
    four.save(inks)
    c, m, y, k = (1 - np.asarray(four)[..., i] / 255 for i in range(4))
    multiplied = np.dstack([255 * c * k, 255 * m * k, 255 * y * k]).round().astype(np.uint8)
    yield Trip("inks", inks, multiplied, [*LOSSLESS, "jpg"], tolerance=1)


class Transparent(Trip):
    """Colour counts as far as it can be seen: both are laid over white, and the opacity must be the same."""

    def report(self, ending, out, exiftool):
        written = np.asarray(Image.open(out)).astype(np.float64)
        expected = self.expected.astype(np.float64)
        opacity = np.abs(written[..., 3] - expected[..., 3]).max()

        def over(shade, picture):
            alpha = picture[..., 3:] / 255
            return picture[..., :3] * alpha + shade * (1 - alpha)

        seen = max(np.abs(over(shade, written) - over(shade, expected)).max() for shade in (0, 255))
        good = opacity == 0 and seen <= 1
        print(f"{'ok ' if good else 'BAD'} {self.name:12} {ending:5} opacity {opacity:.0f}; largest over black or white {seen:.2f}")
        Trip.all_good &= bool(good)


def main():
    impasto, photo, style, *exiftool = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for trip in trips(photo, Path(folder)):
            trip.check(Path(impasto).resolve(), style, Path(folder), exiftool[0] if exiftool else None)
    sys.exit(0 if Trip.all_good else "some came back changed")


if __name__ == "__main__":
    main()
