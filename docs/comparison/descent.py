#!/usr/bin/env python3
"""Descends the objective of recipe `gatys` with torch.optim.LBFGS and with impasto, from the same picture and as far.

    python docs/comparison/descent.py [--size 320] [--steps 300] [--history 20] FOLDER CONTENT STYLE IMPASTO
                                                                            needs torch, numpy and pillow

Both remember as many pairs and evaluate the network once a step. Writes copies of the pictures in this size and impasto's
trace into FOLDER, and prints the loss that the last step of each found.
"""

import argparse
import csv
import subprocess
from pathlib import Path

import torch

from measure import gatys_terms, network_in_f32, read
from pairs import sized


def by_torch(content, style, steps, history):
    """The objective at the last of so many evaluations."""
    network = network_in_f32()
    content, style = read(content), read(style)
    picture = content.clone().requires_grad_()
    losses = []

    def closure():
        optimiser.zero_grad()
        loss = sum(gatys_terms(network, content, style, picture, 0.0).values())
        loss.backward()
        losses.append(loss.item())
        return loss

    optimiser = torch.optim.LBFGS(
        [picture], max_iter=steps, max_eval=steps, history_size=history, tolerance_grad=0, tolerance_change=0
    )
    optimiser.step(closure)
    assert len(losses) == steps, len(losses)
    return losses[-1]


def by_impasto(program, folder, content, style, steps, history):
    """The same."""
    trace = folder / "losses.csv"
    command = [program, "style", content, "--style", style, "-o", folder / "impasto.png", "--recipe", "gatys"]
    command += ["--iterations", steps, "--history", history, "--trace", trace, "-q"]
    subprocess.run([str(word) for word in command], check=True)
    *_, last = csv.DictReader(trace.open())
    assert int(last["step"]) == steps, last
    return float(last["total"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for flag, default in [("--size", 320), ("--steps", 300), ("--history", 20)]:
        parser.add_argument(flag, type=int, default=default)
    parser.add_argument("folder", type=Path)
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("impasto")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pictures = [options.folder / name for name in ("content.png", "style.png")]
    for source, target in zip((options.content, options.style), pictures):
        sized(source, target, options.size)
    how = options.steps, options.history
    ours = by_impasto(options.impasto, options.folder, *pictures, *how)
    theirs = by_torch(*pictures, *how)
    print(f"impasto {ours:.6g}, torch {theirs:.6g}, ratio {ours / theirs:.3f}")


if __name__ == "__main__":
    main()
