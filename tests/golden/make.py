#!/usr/bin/env python3
"""Makes the golden files of this folder: what PyTorch, in f64 on the CPU, says about the bundled networks.

    python tests/golden/make.py            needs torch, numpy and pillow; about ten seconds

Every input picture is a small PNG beside the results, so a test reads exactly what stood here. Results are
rounded to f32 at the end. Conventions and objective terms are those of the project: x is RGB in [0, 1],
the network takes B, G, R with 255·x − mean; F is a layer's feature map with C channels and M = H·W
positions; terms are means (Gatys, Ecker, Bethge, arXiv 1508.06576, with the scales given below).
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent

CONVOLUTIONS_PER_BLOCK = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
MEAN_BGR = torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64)

POOLINGS = {
    "max": lambda x: F.max_pool2d(x, kernel_size=2, stride=2),
    "avg": lambda x: F.avg_pool2d(x, kernel_size=2, stride=2),
    # As crowsonkb/style-transfer-pytorch scales it.
    "l2": lambda x: 0.78 * F.lp_pool2d(x, 2, kernel_size=2, stride=2),
}

# Recipe `gatys`.
CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_SCALE = 1000.0

# Moments instead of Gram matrices: the share of the mean variance that is added to variances, and the weight of each
# layer, as `src/kernels/wasserstein_loss.rs` and `src/paint/style.rs` have them.
REGULARISATION = 1e-2
PAINTERLY_WEIGHTS = {
    layer: 2e7 * weight / (341 * mean_square)
    for layer, weight, mean_square in zip(STYLE_LAYERS, (256, 64, 16, 4, 1), (4e3, 8e4, 1.3e5, 1.8e6, 3e4))
}

# Large enough that the tv term is a visible part of loss and gradient next to the style terms.
VISIBLE_TV_WEIGHT = 1e10

# name -> (picture of the project, left, top, width, height)
CROPS = {
    "features": ("chelsea.png", 150, 100, 33, 29),
    "gram": ("chelsea.png", 120, 80, 64, 48),
    "content": ("astronaut.png", 160, 60, 131, 97),
    "style": ("cafe_terrace_van_gogh.png", 120, 150, 113, 89),
}


def crop(name):
    """A crop of one of the project's pictures as u8 (H, W, 3)."""
    file, left, top, width, height = CROPS[name]
    picture = Image.open(ROOT / "pictures" / file).convert("RGB")
    return np.asarray(picture.crop((left, top, left + width, top + height)))


def mixed_with_noise(picture):
    """The point at which the gradient is taken: 70 % `picture`, 30 % uniform noise, rounded to u8.

    The gradient jumps where a unit's sign or a window's maximum changes, so at most pictures rounding errors of
    1e-6 move it by about 1e-3. Seed 17 moved it least when the seeds 1 to 30 were tried (see README.md)."""
    noise = np.random.default_rng(17).integers(0, 256, picture.shape)
    return np.rint(0.7 * picture + 0.3 * noise).astype(np.uint8)


def as_variable(pixels):
    """u8 (H, W, 3) to the picture variable: f64 (3, H, W) in [0, 1]."""
    return torch.tensor(pixels.transpose(2, 0, 1).copy(), dtype=torch.float64) / 255


def torus(x):
    """The part of a picture at the upper left whose sides are multiples of 16, as poolings halve them."""
    height, width = (side // 16 * 16 for side in x.shape[1:])
    return x[:, :height, :width]


class Network:
    """VGG-19 or VGG-16 on the archive in weights/, in f64."""

    def __init__(self, name, pooling, border="zero"):
        self.name = name
        self.pooling = pooling
        self.border = border
        archive = np.load(ROOT / "weights" / f"{name}.npz")
        self.parameters = {}
        for layer in {key.split(".")[0] for key in archive.files}:
            if f"{layer}.codes" in archive:
                weight = archive[f"{layer}.codebook"][archive[f"{layer}.codes"]]
            else:
                weight = archive[f"{layer}.weight"]
            self.parameters[layer] = [
                torch.tensor(array.astype(np.float64)) for array in (weight, archive[f"{layer}.bias"])
            ]

    def of_styles(self):
        """The network that looks at style pictures, which are no tori."""
        if self.border != "wrap":
            return self
        return Network(self.name, self.pooling, "replicate")

    def padding(self, block, index):
        """How F.pad continues the input of a convolution: the edge of the picture alone, or every map as a torus."""
        if self.border == "replicate" and (block, index) == (1, 1):
            return {"mode": "replicate"}
        if self.border == "wrap":
            return {"mode": "circular"}
        return {"mode": "constant", "value": 0.0}

    def features(self, x):
        """relu and pool maps of every layer that is not empty, by name: f64 (C, H, W)."""
        maps = {}
        activation = 255 * x.flip(0) - MEAN_BGR[:, None, None]
        for block, count in enumerate(CONVOLUTIONS_PER_BLOCK[self.name], start=1):
            for index in range(1, count + 1):
                weight, bias = self.parameters[f"conv{block}_{index}"]
                padded = F.pad(activation[None], (1, 1, 1, 1), **self.padding(block, index))
                activation = F.relu(F.conv2d(padded, weight, bias)[0])
                maps[f"relu{block}_{index}"] = activation
            if min(activation.shape[1:]) < 2:
                break
            activation = POOLINGS[self.pooling](activation[None])[0]
            maps[f"pool{block}"] = activation
        return maps


def gram(feature_map):
    """G = F·Fᵀ / M, f64 (C, C)."""
    flat = feature_map.flatten(1)
    return flat @ flat.T / flat.shape[1]


def gatys_terms(network, content, style, x, tv_weight):
    """The weighted terms of recipe `gatys` at x; their sum is the objective.

    content mean((F − P)²); style 1000/C² · mean((G − A)²); tv weight · mean(dx² + dy²) over 3·H·W,
    forward differences, zero at the far border."""
    with torch.no_grad():
        content_target = network.features(content)[CONTENT_LAYER]
        style_maps = network.of_styles().features(style)
        style_targets = {layer: gram(style_maps[layer]) for layer in STYLE_LAYERS}
    maps = network.features(x)
    terms = {"content": ((maps[CONTENT_LAYER] - content_target) ** 2).mean()}
    for layer, target in style_targets.items():
        layer_weight = STYLE_SCALE / target.shape[0] ** 2
        terms[f"style:{layer}"] = layer_weight * ((gram(maps[layer]) - target) ** 2).mean()
    if tv_weight:
        along_x, along_y = x[:, :, 1:] - x[:, :, :-1], x[:, 1:] - x[:, :-1]
        terms["tv"] = tv_weight * ((along_x**2).sum() + (along_y**2).sum()) / x.numel()
    return terms


def gatys_gradient(network, content, style, x, tv_weight=0.0):
    """({"total": …, term: …}, dL/dx as f64 (3, H, W))."""
    x = x.clone().requires_grad_()
    terms = gatys_terms(network, content, style, x, tv_weight)
    total = sum(terms.values())
    total.backward()
    return {"total": total.item()} | {name: term.item() for name, term in terms.items()}, x.grad


def moments(feature_map):
    """Mean and covariance over the positions, f64 (C) and (C, C)."""
    flat = feature_map.flatten(1)
    mean = flat.mean(1)
    return mean, flat @ flat.T / flat.shape[1] - torch.outer(mean, mean)


def power(matrix, exponent):
    """A power of a symmetric, positive definite matrix by its eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values**exponent @ vectors.T


class RootTrace(torch.autograd.Function):
    """tr √(R·Σ·R), exactly. Autograd would divide by differences of eigenvalues, many of which are equal."""

    @staticmethod
    def forward(context, covariance, root):
        between = root @ covariance @ root
        context.save_for_backward(between, root)
        return power(between, 0.5).trace()

    @staticmethod
    def backward(context, gradient):
        between, root = context.saved_tensors
        return gradient * 0.5 * root @ power(between, -0.5) @ root, None


def wasserstein_gradient(network, content, style, x):
    """({"total": …, term: …}, dL/dx): content as in `gatys_terms`, style by the squared Wasserstein-2 distance of the
    Gaussians with the features' means and covariances, over C."""
    x = x.clone().requires_grad_()
    with torch.no_grad():
        content_target = network.features(content)[CONTENT_LAYER]
        style_maps = network.features(style)
    maps = network.features(x)
    terms = {"content": ((maps[CONTENT_LAYER] - content_target) ** 2).mean()}
    for layer, weight in PAINTERLY_WEIGHTS.items():
        target_mean, target = moments(style_maps[layer])
        channels = len(target)
        epsilon = REGULARISATION / (1 - REGULARISATION) * target.trace() / channels
        regularised = epsilon * torch.eye(channels, dtype=torch.float64)
        target = target + regularised
        mean, covariance = moments(maps[layer])
        covariance = covariance + regularised
        roots = RootTrace.apply(covariance, power(target, 0.5))
        distance = ((mean - target_mean) ** 2).sum() + target.trace() + covariance.trace() - 2 * roots
        terms[f"style:{layer}"] = weight * distance / channels
    total = sum(terms.values())
    total.backward()
    return {"total": total.item()} | {name: term.item() for name, term in terms.items()}, x.grad


def dream_gradient(network, layer, x):
    """(mean(F²) at `layer`, its gradient with respect to x as f64 (3, H, W))."""
    x = x.clone().requires_grad_()
    loss = (network.features(x)[layer] ** 2).mean()
    loss.backward()
    return loss.item(), x.grad


def save_npz(name, arrays):
    """An .npz of f32 arrays whose bytes depend on the arrays alone."""
    with zipfile.ZipFile(FOLDER / name, "w", zipfile.ZIP_STORED) as archive:
        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, as_f32(array))
            archive.writestr(zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue())


def as_f32(tensor):
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float32))


def save_json(name, value):
    """Loss values with 12 digits: what follows depends on the order in which threads add."""
    rounded = json.loads(json.dumps(value), parse_float=lambda digits: float(f"{float(digits):.12g}"))
    (FOLDER / name).write_text(json.dumps(rounded, indent=2) + "\n")


def main():
    pixels = {name: crop(name) for name in CROPS}
    pixels["at"] = mixed_with_noise(pixels["content"])
    for name, picture in pixels.items():
        Image.fromarray(picture).save(FOLDER / f"{name}.png", optimize=True)
    variables = {name: as_variable(picture) for name, picture in pixels.items()}
    content, style, at = variables["content"], variables["style"], variables["at"]

    gradient_terms, dream_values = {}, {}
    for name in ("vgg19", "vgg16"):
        network = Network(name, "max")
        save_npz(f"{name}_features.npz", network.features(variables["features"]))

        maps = network.features(variables["gram"])
        save_npz(f"{name}_gram.npz", {
            # 64 rows of a 512×512 matrix are enough to judge it by.
            f"gram:{layer}": gram(maps[layer])[: 64 if maps[layer].shape[0] == 512 else None]
            for layer in STYLE_LAYERS
        })

        for layer in ("relu2_2", "relu4_3"):
            value, gradient = dream_gradient(network, layer, variables["gram"])
            dream_values[f"{name}_{layer}"] = value
            np.save(FOLDER / f"dream_{name}_{layer}.npy", as_f32(gradient))

        cases = {f"{name}_max": ("max", 0.0), f"{name}_avg": ("avg", 0.0)}
        if name == "vgg19":
            cases["vgg19_l2"] = ("l2", 0.0)
            cases["vgg19_max_tv1e10"] = ("max", VISIBLE_TV_WEIGHT)
        for case, (pooling, tv_weight) in cases.items():
            network.pooling = pooling
            gradient_terms[case], gradient = gatys_gradient(network, content, style, at, tv_weight)
            np.save(FOLDER / f"gradient_{case}.npy", as_f32(gradient))
        if name == "vgg19":
            case, network.pooling = "vgg19_avg_wasserstein", "avg"
            gradient_terms[case], gradient = wasserstein_gradient(network, content, style, at)
            np.save(FOLDER / f"gradient_{case}.npy", as_f32(gradient))
    for border, content, at in (("replicate", content, at), ("wrap", torus(content), torus(at))):
        case = f"vgg19_{border}"
        network = Network("vgg19", "max", border)
        gradient_terms[case], gradient = gatys_gradient(network, content, style, at)
        np.save(FOLDER / f"gradient_{case}.npy", as_f32(gradient))
    save_json("gradient.json", gradient_terms)
    save_json("dream.json", dream_values)


if __name__ == "__main__":
    main()
