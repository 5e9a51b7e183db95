"""What PyTorch, in f64 on the CPU, says about a step of a visualisation: visualize_*.npy and visualize.json.

Run as `python tests/golden/visualize.py`; needs torch, numpy and pillow, and make.py beside it.

A spectrum becomes a picture as lucid makes it (torch.fft.irfft2, colours by a matrix, a sigmoid), the picture is seen
through one affine map (grid_sample on a wide frame of grey), and VGG-19 looks at it. Saved are the gradients with respect
to the spectrum, or to the plain colours where the picture has none.
"""

import numpy as np
import torch
import torch.nn.functional as F
from make import FOLDER, Network, as_f32, as_variable, save_json
from PIL import Image

WIDTH, HEIGHT = 33, 29
CORRELATED = torch.tensor(
    [[0.562829, 0.194825, 0.043295], [0.584476, 0.0, -0.108236], [0.584476, -0.194825, 0.064942]], dtype=torch.float64
)
# u = A·(j, i) + b: turned by 7 degrees, scaled by 0.94, moved.
ANGLE, SCALE, OFFSET = np.deg2rad(7.0), 0.94, (1.7, -2.3)
FRAME = 24


def picture_of_spectrum(spectrum):
    """(3, H, W/2 + 1) complex to (3, H, W) in [0, 1], by the recipe of lucid."""
    down, across = np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None]
    frequency = np.maximum(np.hypot(down, across), 1 / max(WIDTH, HEIGHT))
    scaled = spectrum * torch.tensor(np.sqrt(WIDTH * HEIGHT) / frequency)
    return in_colour(torch.fft.irfft2(scaled, (HEIGHT, WIDTH)) / 4)


def in_colour(plain):
    return torch.sigmoid(torch.einsum("ck,khw->chw", CORRELATED, plain))


def seen(x):
    """x through the affine map, grey around it."""
    framed = F.pad(x, (FRAME,) * 4, value=0.5)
    i, j = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    i, j = i.double(), j.double()
    u = (np.cos(ANGLE) * j - np.sin(ANGLE) * i) / SCALE + OFFSET[0] + FRAME
    v = (np.sin(ANGLE) * j + np.cos(ANGLE) * i) / SCALE + OFFSET[1] + FRAME
    size = torch.tensor(framed.shape[:0:-1]) - 1
    grid = torch.stack([2 * u / size[0] - 1, 2 * v / size[1] - 1], dim=-1)
    return F.grid_sample(framed[None], grid[None], mode="bilinear", align_corners=True)[0]


def caricature(features, target):
    dot, lengths = (features * target).sum(), features.norm() * target.norm()
    return -dot / features[0].numel() * (dot / lengths).clamp(min=0.1)


def total_variation(x):
    along_x, along_y = x[:, :, 1:] - x[:, :, :-1], x[:, 1:] - x[:, :-1]
    return ((along_x**2).sum() + (along_y**2).sum()) / x.numel()


def main():
    network = Network("vgg19", "max")
    generator = np.random.default_rng(3)
    parts = generator.normal(0, 0.5, (3, HEIGHT, WIDTH // 2 + 1, 2)).astype(np.float32)
    np.save(FOLDER / "visualize_spectrum.npy", parts)
    image = as_variable(np.asarray(Image.open(FOLDER / "features.png").convert("RGB")))
    assert image.shape == (3, HEIGHT, WIDTH)
    with torch.no_grad():
        target = network.features(image)["relu3_1"]

    def channel(x):
        return -(network.features(x)["relu3_1"][[7, 100]] * torch.tensor([1.0, -0.5])[:, None, None]).mean((1, 2)).sum()

    objectives = {
        "caricature": lambda x: caricature(network.features(x)["relu3_1"], target),
        "inversion": lambda x: ((network.features(x)["relu3_1"] - target) ** 2).mean() * 1e-3 + 5 * total_variation(x),
        "channel": channel,
    }
    values = {}
    for name, objective in objectives.items():
        variable = torch.tensor(parts.astype(np.float64)).requires_grad_()
        loss = objective(seen(picture_of_spectrum(torch.view_as_complex(variable))))
        loss.backward()
        values[name] = loss.item()
        np.save(FOLDER / f"visualize_{name}.npy", as_f32(variable.grad))
    plain = torch.tensor(parts.astype(np.float64).ravel()[: 3 * HEIGHT * WIDTH].reshape(3, HEIGHT, WIDTH))
    plain.requires_grad_()
    loss = channel(in_colour(plain))
    loss.backward()
    values["pixels"] = loss.item()
    np.save(FOLDER / "visualize_pixels.npy", as_f32(plain.grad))
    save_json("visualize.json", values)


if __name__ == "__main__":
    main()
