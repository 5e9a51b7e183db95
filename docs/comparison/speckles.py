#!/usr/bin/env python3
"""Counts single pixels that stand out in colour, which photographs and paintings hardly have.

    python docs/comparison/speckles.py PICTURE…                                               needs numpy and pillow

Prints for each PICTURE the share of pixels of which a channel differs, by more than 40 and by more than 60 levels, from
the median of the 3×3 pixels around it otherwise than the channels do in the mean: brightness may stand out, as strokes do.
"""

import sys

import numpy as np
from PIL import Image


def standing_out(path):
    """By how many levels the colour of each pixel stands out."""
    picture = np.asarray(Image.open(path).convert("RGB")).astype(float)
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    around = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    difference = picture - np.median(around, axis=0)
    return np.abs(difference - difference.mean(-1, keepdims=True)).max(-1)


def main():
    for path in sys.argv[1:]:
        levels = standing_out(path)
        print(f"{path}  over 40: {(levels > 40).mean():.2%}  over 60: {(levels > 60).mean():.3%}")


if __name__ == "__main__":
    main()
