"""Makes the pictures of this folder and what should come of them.

Wants Pillow and numpy, and exiftool on the path; colours are converted by Little CMS (Pillow's ImageCms) and, where 8 bits
are too few, by the formulas of the standards in f64. Nothing is read but what is made here.
"""

import io
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

HERE = Path(__file__).parent
WIDTH, HEIGHT = 40, 32


# Profiles ---------------------------------------------------------------------------------------------------------


def s15(values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def tag_xyz(x, y, z):
    return b"XYZ \0\0\0\0" + s15([x, y, z])


def tag_text(kind, text):
    if kind == "desc":
        raw = text.encode() + b"\0"
        return b"desc\0\0\0\0" + struct.pack(">I", len(raw)) + raw + b"\0" * 78
    return b"text\0\0\0\0" + text.encode() + b"\0"


SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + s15([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])


def gamma_curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def profile(space, kind, pcs, tags):
    """An ICC profile of version 2 or, with a parametric curve in it, 4."""
    body, table = b"", b""
    offset = 128 + 4 + 12 * len(tags)
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    version = 0x04300000 if any(d.startswith(b"para") for _, d in tags) else 0x02400000
    head = struct.pack(">I4sI4s4s4s", 128 + 4 + len(table) + len(body), b"\0" * 4, version, kind, space, pcs)
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + s15([0.9642, 1.0, 0.8249]) + b"\0" * 48
    return head + struct.pack(">I", len(tags)) + table + body


D50 = np.array([0.9642, 1.0, 0.8249])
# Colorants of Display P3 with the white point adapted to D50, as Apple's profile has them.
P3 = np.array([[0.515121, 0.241196, -0.001053], [0.291977, 0.692245, 0.041885], [0.157104, 0.066574, 0.784073]])
P3 = np.round(P3 * 65536) / 65536
# Those of sRGB in the same way, in 65 536ths.
REC709 = np.array([[0x6FA0, 0x38F5, 0x0390], [0x6297, 0xB787, 0x18D9], [0x249F, 0x0F84, 0xB6C4]]) / 65536


def rgb_profile(colorants, curve, name):
    tags = [(b"desc", tag_text("desc", name)), (b"cprt", tag_text("text", "none")), (b"wtpt", tag_xyz(*D50))]
    tags += [(n, tag_xyz(*c)) for n, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants)]
    tags += [(n, curve) for n in (b"rTRC", b"gTRC", b"bTRC")]
    return profile(b"RGB ", b"mntr", b"XYZ ", tags)


def gray_profile(gamma):
    tags = [(b"desc", tag_text("desc", "gray")), (b"cprt", tag_text("text", "none")), (b"wtpt", tag_xyz(*D50))]
    return profile(b"GRAY", b"mntr", b"XYZ ", tags + [(b"kTRC", gamma_curve(gamma))])


def decode(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encode(v):
    v = np.clip(v, 0, 1)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def p3_to_srgb(v):
    """Display P3 to sRGB, clamped, by the matrices of the two profiles."""
    return encode(decode(v) @ P3 @ np.linalg.inv(REC709))


# Pictures ---------------------------------------------------------------------------------------------------------


def scene():
    """Smooth and hard edges, every channel different, in [0,1]."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = 0.2 + 0.7 * x / WIDTH
    green = 0.5 + 0.4 * np.sin(0.3 * y + 0.1 * x)
    blue = np.where((x // 8 + y // 8) % 2, 0.15, 0.8)
    return np.stack([red, green, blue], -1)


def steps(values, top):
    return np.round(np.clip(values, 0, 1) * top).astype(np.uint8 if top == 255 else np.uint16)


def png16(path, values, extra=()):
    """A 16-bit PNG, which Pillow does not write in colour."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(n, d) for n, d in chunks))


def iccp(data):
    return (b"iCCP", b"profile\0\0" + zlib.compress(data, 9))


def expect(name, values, top=255):
    """The numbers that the result should hold, as a PNG without any profile."""
    array = steps(values, top) if values.dtype.kind == "f" else values
    path = HERE / "expected" / f"{name}.png"
    if top == 255:
        Image.fromarray(array).save(path)
    else:
        png16(path, array)


def wide_gamut():
    values = scene()
    values[:, -8:] = [0.05, 0.98, 0.1]  # More green than sRGB has.
    data = rgb_profile(P3, SRGB_CURVE, "Display P3")
    stored = steps(values, 255)
    picture = Image.fromarray(stored)
    for name in ("p3.png", "p3.tiff", "p3.webp"):
        options = {"lossless": True} if name.endswith("webp") else {}
        if name.endswith("tiff"):
            options = {"compression": "tiff_deflate"}
        picture.save(HERE / name, icc_profile=data, **options)
    # Little CMS and the formulas agree to a step.
    srgb = ImageCms.createProfile("sRGB")
    cms = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(data)), srgb)
    exact = p3_to_srgb(stored / 255)
    assert np.abs(np.asarray(cms).astype(int) - 255 * exact).max() <= 1.5
    expect("p3", exact)
    # The same at 16 bits, where every step counts, and by code points instead of a profile.
    deep = steps(values, 65535)
    png16(HERE / "p3_16.png", deep, [iccp(data)])
    png16(HERE / "p3_cicp.png", deep, [(b"cICP", bytes([12, 13, 0, 1]))])
    expect("p3_16", p3_to_srgb(deep / 65535), 65535)
    # JPEG: flat patches, so that its own error stays small.
    patches = np.kron(np.array([[[200, 60, 40], [90, 180, 70], [40, 60, 200], [128, 128, 128], [20, 240, 30]]] * 4), np.ones((8, 8, 1)))
    patches = patches.astype(np.uint8)
    Image.fromarray(patches).save(HERE / "p3.jpg", icc_profile=data, quality=98, subsampling=0)
    expect("p3_jpg", p3_to_srgb(patches / 255))


def gray_gamma():
    level = steps(scene()[..., 0], 255)
    Image.fromarray(level).save(HERE / "gray_gamma.png", icc_profile=gray_profile(1.8))
    linear = (level / 255) ** (round(1.8 * 256) / 256)
    expect("gray_gamma", np.repeat(encode(linear)[..., None], 3, -1))


def rotated():
    """As a telephone stores it: lying, with thumbnail, place and maker's note."""
    upright = steps(scene(), 255)
    lying = Image.fromarray(np.rot90(upright, 1))  # Orientation 6 turns it clockwise.
    lying.save(HERE / "rotated_exif.tiff", compression="tiff_deflate", tiffinfo=described())
    for name in ("rotated_exif.png", "rotated_exif.webp", "rotated_exif.jpg"):
        options = {"lossless": True} if name.endswith("webp") else {}
        if name.endswith("jpg"):
            options = {"quality": 98, "subsampling": 0}
        lying.save(HERE / name, exif=exif_block(), **options)
    expect("rotated_exif", upright)


TEXTS = {
    "ImageDescription": "a test picture",
    "Make": "Nobody",
    "Model": "Pinhole 1",
    "Artist": "impasto",
    "Copyright": "CC0",
}


def described():
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, text in ((270, TEXTS["ImageDescription"]), (271, TEXTS["Make"]), (272, TEXTS["Model"]), (315, TEXTS["Artist"]), (33432, TEXTS["Copyright"])):
        info[tag] = text
    info[274] = 6
    return info


def exif_block():
    """A big-endian block by exiftool: notes, place and a thumbnail."""
    base, small = HERE / "base.jpg", HERE / "thumbnail.jpg"
    Image.new("RGB", (HEIGHT, WIDTH)).save(base)
    Image.new("RGB", (16, 12), (200, 30, 30)).save(small, quality=30)
    arguments = [f"-{name}={text}" for name, text in TEXTS.items()]
    arguments += ["-Orientation#=6", "-FNumber=2.8", "-ExposureTime=1/125", "-DateTimeOriginal=2020:02:29 12:00:00"]
    arguments += ["-ExifImageWidth=32", "-ExifImageHeight=40", "-ColorSpace#=65535", "-LensModel=none"]
    arguments += ["-GPSLatitude=48.2", "-GPSLatitudeRef=N", "-GPSLongitude=16.37", "-GPSLongitudeRef=E"]
    arguments += [f"-ThumbnailImage<={small}", "-overwrite_original", "-q", "-n"]
    subprocess.run(["exiftool", "-exifbyteorder=MM", *arguments, str(base)], check=True)
    block = Image.open(base).info["exif"]
    base.unlink()
    small.unlink()
    return block


def deep():
    values = scene() + 0.1 / 65535
    stored = steps(values, 65535)
    png16(HERE / "deep.png", stored)
    expect("deep", stored, 65535)
    # TIFF by hand: one strip.
    entries = [(256, 4, 1, WIDTH), (257, 4, 1, HEIGHT), (258, 3, 3, None), (259, 3, 1, 1), (262, 3, 1, 2)]
    entries += [(273, 4, 1, None), (277, 3, 1, 3), (278, 4, 1, HEIGHT), (279, 4, 1, stored.size * 2)]
    bits = 8 + 2 + 12 * len(entries) + 4
    data = b"II*\0" + struct.pack("<IH", 8, len(entries))
    for tag, kind, count, value in entries:
        value = {258: bits, 273: bits + 6}.get(tag, value)
        data += struct.pack("<HHII", tag, kind, count, value)
    data += b"\0" * 4 + struct.pack("<3H", 16, 16, 16) + stored.astype("<u2").tobytes()
    (HERE / "deep.tiff").write_bytes(data)


def transparent():
    values = scene()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    alpha = np.clip(np.hypot(x - 20, y - 16) / 12 - 0.3, 0, 1)
    alpha[:, :6] = 0  # Wholly transparent, with loud colours beneath that must not show.
    rgba = steps(np.concatenate([values, alpha[..., None]], -1), 255)
    rgba[:, :6, :3] = [255, 0, 255]
    picture = Image.fromarray(rgba)
    picture.save(HERE / "alpha.png")
    picture.save(HERE / "alpha.webp", lossless=True, exact=True)
    picture.save(HERE / "alpha.tiff", compression="tiff_deflate")
    kept = rgba.copy()
    kept[rgba[..., 3] == 0] = 0
    expect("alpha", kept)
    opaque = rgba[..., :3] / 255 * (rgba[..., 3:] / 255) + 1 - rgba[..., 3:] / 255
    expect("alpha_over_white", opaque)
    deep = rgba.astype(np.uint16) * 257
    png16(HERE / "alpha_16.png", deep)
    expect("alpha_16", kept.astype(np.uint16) * 257, 65535)
    gray = np.stack([rgba[..., 1], rgba[..., 3]], -1)
    Image.fromarray(gray, "LA").save(HERE / "gray_alpha.png")
    triple = np.concatenate([np.repeat(gray[..., :1], 3, -1), gray[..., 1:]], -1)
    triple[triple[..., 3] == 0] = 0
    expect("gray_alpha", triple)


def four_inks():
    """CMYK TIFF, without a profile: multiplied out as Pillow does."""
    inks = steps(np.concatenate([scene(), 0.3 * scene()[..., :1]], -1), 255)
    picture = Image.fromarray(inks, "CMYK")
    picture.save(HERE / "cmyk.tiff", compression="tiff_deflate")
    expect("cmyk", (1 - inks[..., :3] / 255) * (1 - inks[..., 3:] / 255))
    # Adobe's JPEG: stored inverted, which Pillow does and marks.
    patches = np.kron(np.array([[[0, 0, 0, 0], [200, 20, 40, 10], [0, 250, 250, 0], [30, 60, 90, 60], [0, 0, 0, 200]]] * 4), np.ones((8, 8, 1)))
    patches = patches.astype(np.uint8)
    Image.fromarray(patches, "CMYK").save(HERE / "cmyk_adobe.jpg", quality=98, subsampling=0)
    expect("cmyk_jpg", (1 - patches[..., :3] / 255) * (1 - patches[..., 3:] / 255))


(HERE / "expected").mkdir(exist_ok=True)
wide_gamut()
gray_gamma()
rotated()
deep()
transparent()
four_inks()
