#!/usr/bin/env python3
"""Paints pairs of content and style with impasto and with pastiche, and compares what they made.

    python docs/comparison/pairs.py [--size 320] [--steps 300] [--programs painterly,gatys,pastiche] FOLDER IMPASTO [-- FLAGS]
                                                   needs torch, numpy, pillow and pastiche 1.6.0

FOLDER holds pictures `content_*.png` and `style_*.png`, of any size. They are sized once, and every program paints every
pair from them with the same number of evaluations of the network, impasto with the FLAGS; pictures that are there already
are kept, so that a comparison which was stopped goes on. Writes into FOLDER/SIZE

    PROGRAM/CONTENT_STYLE.png   what was painted
    objectives.csv              the objective of recipe `gatys` of each, by PyTorch; mean gradient energy of the outer
                                8 pixels relative to the inside (of the content too), which tells a composition, and
                                relative to the next 8, which tells a band
    CONTENT_STYLE.jpg           content, style, and the programs' pictures side by side

`pairs.csv` beside this file is such a table, of paintings by van Gogh and photographs from scikit-image, with the
rows of a second run with `-- --detail 0`. How long a program takes is measured by `steps.py`, with nothing beside it.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from measure import network_in_f32, objective, read  # noqa: E402

FRAME = 8


def sized(source, target, size, filter=Image.BICUBIC):
    """A copy of the picture `source` with the longer side `size`."""
    picture = Image.open(source).convert("RGB")
    scale = size / max(picture.size)
    picture.resize([max(1, round(side * scale)) for side in picture.size], filter).save(target)


def paint(program, options, content, style, out):
    """Runs one program."""
    if program == "pastiche":
        command = [sys.executable, HERE / "pastiche_run.py", content, style, out, options.steps]
    else:
        size = max(Image.open(content).size)
        command = [options.impasto, "style", content, "--style", style, "-o", out, "--recipe", program]
        command += ["--size", size, "--iterations", options.steps, "--no-record", "-q"]
        command += options.flags
    subprocess.run([str(word) for word in command], check=True)


def gradient_energy(path):
    """Squared forward differences, and the distance of each from the edge of the picture."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(np.float64) / 255
    here = pixels[:-1, :-1]
    energy = ((pixels[:-1, 1:] - here) ** 2 + (pixels[1:, :-1] - here) ** 2).sum(2)
    row, column = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in energy.shape)
    return energy, np.minimum(row[:, None], column[None, :])


def border_energy(path):
    """The mean of the outer frame, relative to that of the inside."""
    energy, distance = gradient_energy(path)
    return energy[distance < FRAME].mean() / energy[distance >= FRAME].mean()


def band_energy(path):
    """The mean of the outer frame, relative to that of a frame as wide that it encloses."""
    energy, distance = gradient_energy(path)
    enclosed = (distance >= FRAME) & (distance < 2 * FRAME)
    return energy[distance < FRAME].mean() / energy[enclosed].mean()


def side_by_side(paths, target):
    pictures = [Image.open(path).convert("RGB") for path in paths]
    height = min(picture.height for picture in pictures)
    pictures = [p.resize((round(p.width * height / p.height), height), Image.LANCZOS) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in pictures), height))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    sheet.save(target, quality=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("impasto")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--programs", default="painterly,gatys,pastiche")
    parser.add_argument("flags", nargs="*", help="of impasto, behind --")
    options = parser.parse_args()
    programs = options.programs.split(",")
    home = options.folder / str(options.size)
    home.mkdir(exist_ok=True)
    files = {}
    for source in sorted(options.folder.glob("*_*.png")):
        files[source.stem] = home / source.name
        if not files[source.stem].exists():
            sized(source, files[source.stem], options.size)
    network = network_in_f32()
    table = home / "objectives.csv"
    known = {}
    if table.exists():
        known = {(row["program"], row["pair"]): row for row in csv.DictReader(table.open())}
    contents = [name for name in files if name.startswith("content_")]
    for content in contents:
        for style in [name for name in files if name.startswith("style_")]:
            pair = f"{content.removeprefix('content_')}_{style.removeprefix('style_')}"
            outs = []
            for program in programs:
                (home / program).mkdir(exist_ok=True)
                outs.append(home / program / f"{pair}.png")
                if not outs[-1].exists():
                    paint(program, options, files[content], files[style], outs[-1])
                elif (program, pair) in known:
                    continue
                terms = objective(network, *[read(path) for path in (files[content], files[style], outs[-1])])
                known[program, pair] = {
                    "program": program,
                    "pair": pair,
                    "objective": f"{sum(terms.values()):.6g}",
                    "border": f"{border_energy(outs[-1]):.3f}",
                    "border of the content": f"{border_energy(files[content]):.3f}",
                    "band": f"{band_energy(outs[-1]):.3f}",
                }
                print(*known[program, pair].values(), flush=True)
                with table.open("w", newline="") as out:
                    rows = csv.DictWriter(out, known[program, pair].keys())
                    rows.writeheader()
                    rows.writerows(known.values())
            side_by_side([files[content], files[style], *outs], home / f"{pair}.jpg")


if __name__ == "__main__":
    main()
