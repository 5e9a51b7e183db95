#!/usr/bin/env python3
"""Measures by how much the terms of recipe `gatys` shrink where pictures are twice as large.

    python docs/comparison/shrinking.py CONTENT… --styles STYLE… [--sizes 91,128,181,256,362,450]
                                                                   needs torch, numpy and pillow

Prints for each size and the next one, as factors per doubling, the geometric mean, least and largest over all pairs: of
the mean square of the content's map at relu4_2, and of the style term of the content itself at each layer. The last row
is the mean over all sizes; src/paint/proportion.rs makes up for it. No picture should be smaller
than the largest size, since enlarging it makes it smoother than a photograph is.
"""

import argparse
from collections import defaultdict
from math import exp, log, log2
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from measure import network_in_f32, read
from make import CONTENT_LAYER, STYLE_LAYERS, gram
from pairs import sized


def looked_at(network, source, size):
    """The mean square of the content's map, and the Gram matrices, of `source` with the longer side `size`."""
    with TemporaryDirectory() as folder, torch.no_grad():
        picture = Path(folder) / "picture.png"
        sized(source, picture, size)
        maps = network.features(read(picture))
    return float((maps[CONTENT_LAYER] ** 2).mean()), {layer: gram(maps[layer]) for layer in STYLE_LAYERS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contents", type=Path, nargs="+")
    parser.add_argument("--styles", type=Path, nargs="+", required=True)
    parser.add_argument("--sizes", default="91,128,181,256,362,450")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    network = network_in_f32()
    seen = {
        (source, size): looked_at(network, source, size)
        for source in {*options.contents, *options.styles}
        for size in sizes
    }

    def term(content, style, layer, size):
        grams = [seen[source, size][1][layer] for source in (content, style)]
        return float(((grams[0] - grams[1]) ** 2).mean())

    everywhere = defaultdict(list)
    for size, larger in zip(sizes, sizes[1:]):
        doublings = log2(larger / size)
        shrinking = defaultdict(list)
        for content in options.contents:
            maps = [seen[content, side][0] for side in (size, larger)]
            shrinking["content"].append(log(maps[0] / maps[1]) / doublings)
            for style in options.styles:
                for layer in STYLE_LAYERS:
                    terms = [term(content, style, layer, side) for side in (size, larger)]
                    shrinking[layer].append(log(terms[0] / terms[1]) / doublings)
        said = [f"{name} {exp(np.mean(of)):.2f} ({exp(min(of)):.2f}–{exp(max(of)):.2f})" for name, of in shrinking.items()]
        print(f"{size}→{larger}", *said, sep="  ", flush=True)
        for name, of in shrinking.items():
            everywhere[name].append(np.mean(of))
    print("mean", *(f"{name} {exp(np.mean(of)):.2f}" for name, of in everywhere.items()), sep="  ")


if __name__ == "__main__":
    main()
