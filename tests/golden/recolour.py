"""What numpy makes of the colours of style.png after those of content.png: recolour.json.

Run as `python tests/golden/recolour.py`; needs numpy and pillow.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
# Some colours of the style's own, and some beyond it.
COLOURS = [[0.0, 0.0, 0.0], [0.2, 0.4, 0.8], [0.9, 0.7, 0.1], [1.0, 1.0, 1.0]]


def pixels(name, space):
    values = np.asarray(Image.open(HERE / name).convert("RGB"), np.float64).reshape(-1, 3) / 255
    if space == "srgb":
        return values
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**exponent) @ vectors.T


def transform(matching, style, content):
    if matching == "pca":
        return power(content, 0.5) @ power(style, -0.5)
    if matching == "chol":
        return np.linalg.cholesky(content) @ np.linalg.inv(np.linalg.cholesky(style))
    root, inverse = power(style, 0.5), power(style, -0.5)
    return inverse @ power(root @ content @ root, 0.5) @ inverse


golden = {"colours": COLOURS}
for space in ["srgb", "linear"]:
    statistics = {}
    for name in ["content", "style"]:
        values = pixels(f"{name}.png", space)
        statistics[name] = (values.mean(0), np.cov(values.T, bias=True))
    golden[space] = {
        name: {"mean": mean.tolist(), "covariance": covariance.tolist()}
        for name, (mean, covariance) in statistics.items()
    }
    (to, content), (source, style) = statistics["content"], statistics["style"]
    for matching in ["pca", "chol", "ot"]:
        moved = (np.array(COLOURS) - source) @ transform(matching, style, content).T + to
        golden[space][matching] = moved.tolist()
(HERE / "recolour.json").write_text(json.dumps(golden, indent=1) + "\n")
