#!/usr/bin/env python3
"""Measures pictures by an engine that is not impasto's: PyTorch on the bundled VGG-19, in f32.

    python docs/comparison/measure.py CONTENT STYLE PICTURE…      needs torch, numpy and pillow

Prints, for each PICTURE, the objective of recipe `gatys` and its terms. The three pictures are read as they
are, 8 bits a channel, and never resized: CONTENT and PICTURE must have the same size.
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "golden"))
import numpy as np  # noqa: E402
from make import Network, as_variable, gatys_terms  # noqa: E402
from PIL import Image  # noqa: E402


def read(path):
    """The picture variable of a file, f32 (3, H, W) in [0, 1]."""
    return as_variable(np.asarray(Image.open(path).convert("RGB"))).float()


def main():
    content, style, *pictures = sys.argv[1:]
    network = Network("vgg19", "max")
    network.parameters = {
        layer: [array.float() for array in arrays] for layer, arrays in network.parameters.items()
    }
    import make

    make.MEAN_BGR = make.MEAN_BGR.float()
    for picture in pictures:
        with torch.no_grad():
            terms = gatys_terms(network, read(content), read(style), read(picture), 0.0)
        total = sum(float(term) for term in terms.values())
        parts = "  ".join(f"{name} {float(term):.4g}" for name, term in terms.items())
        print(f"{picture}  total {total:.6g}  {parts}")


if __name__ == "__main__":
    main()
