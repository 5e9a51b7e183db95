#!/usr/bin/env python3
"""Makes dream_objective_<name>.npy and dream_objectives.json: gradients of what a dream can want, by PyTorch's autograd.

    python tests/golden/dream_objectives.py           needs what make.py needs; some seconds

All at relu3_3 of VGG-19 with average pooling, of the picture `features.png` (33×29), in f64: √mean(F²), mean(F), mean(F²) of the
channels 3, 17 and 200, and two guides. `best`: for each position p of F the position j of the guide's features Y (of
`gram.png`, 64×48) with the largest dot product, held fixed, and 1/(C·M) · Σₚ ⟨Fₚ, Yⱼ⟩ (google/deepdream's guided dreams).
`itself`: the same place of the mirrored picture, and 1/(C·M) · Σₚ ⟨Fₚ, Yₚ⟩ · max(cos(Fₚ, Yₚ), 0.1)^1.5 (lucid's dot_compare).
"""

import json

import numpy as np
import torch
from PIL import Image

from make import FOLDER, Network, as_f32, as_variable

LAYER, CHANNELS, POWER, FLOOR = "relu3_3", [3, 17, 200], 1.5, 0.1


def best(features, guide):
    x, y = features.flatten(1), guide.flatten(1)
    nearest = (x.detach().T @ y).argmax(1)
    return (x * y[:, nearest]).sum() / x.numel()


def itself(features, guide):
    x, y = features.flatten(1), guide.flatten(1)
    product = (x * y).sum(0)
    cosine = product / (x.norm(dim=0) * y.norm(dim=0) + 1e-12)
    return (product * cosine.clamp(min=FLOOR) ** POWER).sum() / x.numel()


def main():
    network = Network("vgg19", "avg")
    picture, other = (as_variable(np.asarray(Image.open(FOLDER / f"{name}.png"))) for name in ("features", "gram"))
    guide = network.features(other)[LAYER]
    mirrored = network.features(picture.flip(2))[LAYER]
    objectives = {
        "root": lambda features: (features**2).mean().sqrt(),
        "mean": lambda features: features.mean(),
        "channels": lambda features: (features[CHANNELS] ** 2).mean(),
        "best": lambda features: best(features, guide),
        "itself": lambda features: itself(features, mirrored),
    }
    values = {}
    for name, objective in objectives.items():
        x = picture.clone().requires_grad_()
        value = objective(network.features(x)[LAYER])
        value.backward()
        values[name] = value.item()
        np.save(FOLDER / f"dream_objective_{name}.npy", as_f32(x.grad))
    (FOLDER / "dream_objectives.json").write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
