"""Makes the profile of a printing press that never was, and what Little CMS makes of a colour chart by it.

Wants Pillow (with Little CMS), numpy and scipy. The press has four inks that lie as dots on white paper: Neugebauer's
sixteen primaries in the shares of Demichel, mixed as Yule and Nielsen have it. Its gamut lacks strong blue and green. The
way from colours to inks is found by least squares, with as much black as leaves room for the others. That table has 8 bits
and the one back 16, because the standard encodes L*a*b* differently in the two.
"""

import io
import itertools
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms
from scipy.optimize import least_squares

HERE = Path(__file__).parent

# Three bands of light, those of linear sRGB, and how much of each an ink lets through.
INKS = np.array([[0.10, 0.38, 0.62], [0.58, 0.07, 0.24], [0.90, 0.74, 0.07], [0.03, 0.03, 0.03]])
YULE_NIELSEN = 2.0
TO_XYZ = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
D50 = TO_XYZ.sum(1)

DOTS = list(itertools.product([0, 1], repeat=4))
PRIMARIES = np.array([np.prod(INKS ** np.array(dots)[:, None], axis=0) for dots in DOTS]) ** (1 / YULE_NIELSEN)


def lab(inks):
    """L*a*b* of shares of the inks, (N,4) in [0,1], under the white of the paper."""
    shares = np.ones((len(inks), len(DOTS)))
    for number, dots in enumerate(DOTS):
        for ink, covers in enumerate(dots):
            shares[:, number] *= inks[:, ink] if covers else 1 - inks[:, ink]
    light = (shares @ PRIMARIES) ** YULE_NIELSEN
    relative = light @ TO_XYZ.T / D50
    root = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def inks_for(wanted):
    """The shares that come nearest to a colour."""
    black = np.clip(1 - wanted[0] / 100, 0, 1) ** 2

    def away(inks):
        return np.append(lab(inks[None])[0] - wanted, 4 * (inks[3] - black))

    start = np.clip([0.5 - wanted[1] / 200, 0.5 + wanted[1] / 200, 0.5 + wanted[2] / 200, black], 0.02, 0.98)
    return least_squares(away, start, bounds=(0, 1)).x


def grid(points, axes):
    """All places of a grid, the last axis first."""
    return np.array(list(itertools.product(np.linspace(0, 1, points), repeat=axes)))


def table(kind, inputs, outputs, points, values):
    """A lut8Type or lut16Type with straight curves."""
    head = kind + b"\0" * 4 + struct.pack(">BBBB", inputs, outputs, points, 0)
    head += b"".join(struct.pack(">i", round(65536 * one)) for one in np.eye(3).ravel())
    if kind == b"mft1":
        straight = bytes(range(256))
        return head + straight * inputs + values.astype(">u1").tobytes() + straight * outputs
    straight = struct.pack(">HH", 0, 65535)
    return head + struct.pack(">HH", 2, 2) + straight * inputs + values.astype(">u2").tobytes() + straight * outputs


def to_colours(points):
    colours = lab(grid(points, 4))
    # 16 bits of the second version: 100 is 0xff00, and 0 of a* and b* is 0x8000.
    encoded = np.stack([colours[:, 0] * 652.8, (colours[:, 1] + 128) * 256, (colours[:, 2] + 128) * 256], 1)
    return table(b"mft2", 4, 3, points, np.clip(np.round(encoded), 0, 65535))


def to_inks(points):
    # 8 bits: 100 is 255, and 0 of a* and b* is 128.
    places = grid(points, 3) * [100, 255, 255] - [0, 128, 128]
    inks = np.array([inks_for(place) for place in places])
    return table(b"mft1", 3, 4, points, np.round(255 * inks))


def tag_text(kind, text):
    raw = text.encode() + b"\0"
    if kind == b"desc":
        return b"desc\0\0\0\0" + struct.pack(">I", len(raw)) + raw + b"\0" * 78
    return b"text\0\0\0\0" + raw


def tag_xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(65536 * value)) for value in values)


def profile(kind, space, pcs, tags):
    """An ICC profile of version 2."""
    body, index = b"", b""
    offset = 128 + 4 + 12 * len(tags)
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        index += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = 128 + 4 + len(index) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + tag_xyz([0.9642, 1.0, 0.8249])[8:] + b"\0" * 48
    return head + struct.pack(">I", len(tags)) + index + body


def press():
    text = [(b"desc", tag_text(b"desc", "a press that never was")), (b"cprt", tag_text(b"text", "CC0"))]
    tables = [(b"wtpt", tag_xyz([0.9642, 1.0, 0.8249])), (b"A2B0", to_colours(7)), (b"B2A0", to_inks(15))]
    return profile(b"prtr", b"CMYK", b"Lab ", text + tables)


def srgb():
    """sRGB in the second version, for which Little CMS leaves black where it is, as with the profile of the other program."""
    value = np.linspace(0, 1, 4096)
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    curve = b"curv\0\0\0\0" + struct.pack(">I", len(value)) + np.round(65535 * light).astype(">u2").tobytes()
    text = [(b"desc", tag_text(b"desc", "sRGB")), (b"cprt", tag_text(b"text", "CC0")), (b"wtpt", tag_xyz([0.9642, 1.0, 0.8249]))]
    colorants = [(name, tag_xyz(column)) for name, column in zip([b"rXYZ", b"gXYZ", b"bXYZ"], TO_XYZ.T)]
    return profile(b"mntr", b"RGB ", b"XYZ ", text + colorants + [(name, curve) for name in [b"rTRC", b"gTRC", b"bTRC"]])


def chart():
    """Seven steps of every channel, and seventeen greys more, 18 in a row."""
    steps = np.round(np.linspace(0, 255, 7))
    colours = np.array(list(itertools.product(steps, repeat=3)))
    greys = np.repeat(np.arange(17)[:, None] * 15 + 7, 3, 1)
    return Image.fromarray(np.concatenate([colours, greys]).astype(np.uint8).reshape(-1, 18, 3))


def proofed(picture, by):
    """There and back as the other program does it."""
    def convert(picture, before, after, mode):
        return ImageCms.profileToProfile(picture, io.BytesIO(before), io.BytesIO(after), outputMode=mode)

    return convert(convert(picture, srgb(), by, "CMYK"), by, srgb(), "RGB")


if __name__ == "__main__":
    (HERE / "press.icc").write_bytes(press())
    by = (HERE / "press.icc").read_bytes()
    chart().save(HERE / "chart.png")
    # Without its profile, which is sRGB.
    proofed(chart(), by).save(HERE / "chart_proofed.png", icc_profile=None)
