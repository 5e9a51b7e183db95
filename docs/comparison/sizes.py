#!/usr/bin/env python3
"""Paints one pair at several sizes with the same flags, and compares the pictures: does a draft predict the final?

    python docs/comparison/sizes.py [--sizes 128,256,512] FOLDER CONTENT STYLE IMPASTO [-- FLAGS]     needs torch, numpy, pillow

Writes FOLDER/SIZE.png, keeping what is there, and prints for each size the mean colour, the style loss of each layer as a
share of what the content itself has there, and the border's gradient energy; then the largest change from one size to the
next.
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from measure import network_in_f32, objective, read
from pairs import border_energy, sized


def painted(folder, size, options):
    """The picture of one size, and the content and style that it is compared with."""
    files = [folder / f"{name}_{size}.png" for name in ("content", "style")]
    for source, target in zip((options.content, options.style), files):
        sized(source, target, size, Image.LANCZOS)
    out = folder / f"{size}.png"
    if not out.exists():
        command = [options.impasto, "style", files[0], "--style", files[1], "-o", out, "--size", size, "-q"]
        subprocess.run([str(word) for word in command + options.flags], check=True)
    return [*files, out]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("impasto")
    parser.add_argument("--sizes", default="128,256,512")
    parser.add_argument("flags", nargs="*")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    network = network_in_f32()
    rows = []
    for size in map(int, options.sizes.split(",")):
        content, style, out = painted(options.folder, size, options)
        pictures = [read(path) for path in (content, style, out)]
        terms = objective(network, *pictures)
        start = objective(network, pictures[0], pictures[1], pictures[0])
        colour = np.asarray(Image.open(out).convert("RGB")).reshape(-1, 3).mean(0) / 255
        shares = {name: terms[name] / start[name] for name in terms if name.startswith("style")}
        rows.append((colour, shares))
        said = " ".join(f"{name} {share:.4f}" for name, share in shares.items())
        print(size, "colour", *(f"{value:.3f}" for value in colour), said, f"border {border_energy(out):.2f}", flush=True)
    for (colour, shares), (larger_colour, larger) in zip(rows, rows[1:]):
        moved = np.abs(larger_colour / colour - 1).max()
        worst = {name: larger[name] / shares[name] - 1 for name in shares}
        print(f"colour by {moved:.1%};", ", ".join(f"{name} by {change:+.1%}" for name, change in worst.items()))


if __name__ == "__main__":
    main()
