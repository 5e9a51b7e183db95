#!/usr/bin/env python3
"""Copies of a photograph that differ in one level of one pixel, for what chance does to a comparison by `pairs.py`.

    python docs/comparison/nudged.py FOLDER CONTENT SIZE [COPIES]     needs torch, numpy, pillow (as pairs.py)

Writes FOLDER/content_NAME0.png, as it is, and FOLDER/content_NAME1.png and so on, nudged, all with the longer side SIZE.
L-BFGS makes much of such a difference in some hundred steps, so what a program's pictures of these differ by says nothing
about the program.
"""

import sys
from pathlib import Path

from PIL import Image

from pairs import sized


def main():
    folder, content, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for copy in range(int(sys.argv[4]) if len(sys.argv) > 4 else 3):
        target = folder / f"content_{content.stem}{copy}.png"
        sized(content, target, size)
        if copy > 0:
            picture = Image.open(target)
            at = (17 * copy % picture.width, 13 * copy % picture.height)
            red, green, blue = picture.getpixel(at)
            picture.putpixel(at, (red, green - 1 if green == 255 else green + 1, blue))
            picture.save(target)


if __name__ == "__main__":
    main()
