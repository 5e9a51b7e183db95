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
import make  # noqa: E402
import numpy as np  # noqa: E402
from make import Network, as_variable, gatys_terms  # noqa: E402
from PIL import Image  # noqa: E402


def read(path):
    """The picture variable of a file, f32 (3, H, W) in [0, 1]."""
    return as_variable(np.asarray(Image.open(path).convert("RGB"))).float()


def network_in_f32():
    """VGG-19 with maximum pooling; f32 is half the time of f64 and exact enough to compare pictures."""
    network = Network("vgg19", "max")
    network.parameters = {
        layer: [array.float() for array in arrays] for layer, arrays in network.parameters.items()
    }
    make.MEAN_BGR = make.MEAN_BGR.float()
    return network


def objective(network, content, style, picture):
    """The terms of recipe `gatys` by name."""
    with torch.no_grad():
        terms = gatys_terms(network, content, style, picture, 0.0)
    return {name: float(term) for name, term in terms.items()}


def main():
    content, style, *pictures = sys.argv[1:]
    network = network_in_f32()
    for picture in pictures:
        terms = objective(network, read(content), read(style), read(picture))
        parts = "  ".join(f"{name} {term:.4g}" for name, term in terms.items())
        print(f"{picture}  total {sum(terms.values()):.6g}  {parts}")


if __name__ == "__main__":
    main()
