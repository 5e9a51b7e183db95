#!/usr/bin/env python3
"""Paints every picture of docs/gallery.md that is not there, by the command that stands there.

    python docs/gallery/make.py IMPASTO            from the root of the project; needs nothing but Python

Prints the seconds of each.
"""

import shlex
import subprocess
import sys
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "gallery.md"


def commands():
    """The words of every `impasto` command of the page."""
    blocks = PAGE.read_text().split("```sh\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("impasto ")]


def main():
    impasto = sys.argv[1]
    for words in commands():
        output = Path(words[words.index("-o") + 1])
        if output.exists():
            continue
        began = time.monotonic()
        subprocess.run([impasto, *words[1:], "-q"], check=True)
        print(f"{output} {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
