#!/usr/bin/env python3
"""Makes dream.npy and dream_jitter.json: the classic loop of google/deepdream, ported to PyTorch in f64 on the CPU.

    python tests/golden/dream.py           needs what make.py needs; half a minute

Two octaves of 46×34 and 64×48, ten steps each, on `gram.png`: roll by a jitter of up to 32 pixels, gradient of mean(F²) at
relu3_3 of VGG-19 with average pooling, step of 1.5/255 over mean|g|, roll back, clip; then the detail, what the octave has changed, enlarged and
laid over the next. Where gradients jump, small differences grow from step to step: with noise of 1e-6 in the first picture the
result moves by 1.6e-3 (relative L2), and what was dreamt by 7e-3; with maximum pooling and at relu4_3 by 1e-2 and 6e-2. Pictures are resized by Pillow's bicubic filter, the detail by its bilinear one.
"""

import json

import numpy as np
import torch
from PIL import Image

from make import FOLDER, Network, as_f32, as_variable, dream_gradient

SEED, JITTER, STEP, STEPS = 7, 32, 1.5 / 255, 10
OCTAVES = ((46, 34), (64, 48))
LAYER = "relu3_3"

MASK = 0xFFFFFFFF


def chacha8_words(seed, count):
    """The first words of the stream of ChaCha with 8 rounds whose key comes from `seed` by PCG32 (crate rand_chacha)."""
    key, state = [], seed
    for _ in range(8):
        state = (state * 6364136223846793005 + 11634580027462260723) & (2**64 - 1)
        mixed, turn = (((state >> 18) ^ state) >> 27) & MASK, state >> 59
        key.append(((mixed >> turn) | (mixed << (-turn % 32))) & MASK)
    words = []
    for block in range(-(-count // 16)):
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, block, 0, 0, 0]
        x = list(start)

        def quarter(a, b, c, d):
            for target, other, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[target] = (x[target] + x[other]) & MASK
                x[third] ^= x[target]
                x[third] = ((x[third] << turn) | (x[third] >> (32 - turn))) & MASK

        for _ in range(4):
            for column in range(4):
                quarter(column, 4 + column, 8 + column, 12 + column)
            for column in range(4):
                quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
        words += [(a + b) & MASK for a, b in zip(x, start)]
    return words[:count]


def jitter(steps):
    """(right, down) of every step: two words each, mapped to −JITTER … JITTER."""
    choices = 2 * JITTER + 1
    moves = [(word * choices >> 32) - JITTER for word in chacha8_words(SEED, 2 * steps)]
    return list(zip(moves[::2], moves[1::2]))


def resized(planes, size, filter):
    planes = [Image.fromarray(plane.astype(np.float32)).resize(size, filter) for plane in planes.numpy()]
    return torch.tensor(np.stack([np.asarray(plane, np.float64) for plane in planes]))


def main():
    network = Network("vgg19", "avg")
    picture = as_variable(np.asarray(Image.open(FOLDER / "gram.png")))
    moves = jitter(STEPS * len(OCTAVES))
    (FOLDER / "dream_jitter.json").write_text(json.dumps(moves) + "\n")
    detail, at = torch.zeros_like(picture), 0
    for size in OCTAVES:
        base = resized(picture, size, Image.BICUBIC).clamp(0, 1)
        x = (base + resized(detail, size, Image.BILINEAR)).clamp(0, 1)
        for _ in range(STEPS):
            right, down = moves[at]
            at += 1
            _, gradient = dream_gradient(network, LAYER, x.roll((down, right), (1, 2)))
            gradient = gradient.roll((-down, -right), (1, 2))
            x = (x + STEP * gradient / gradient.abs().mean()).clamp(0, 1)
        detail = x - base
    np.save(FOLDER / "dream.npy", as_f32(x))


if __name__ == "__main__":
    main()
