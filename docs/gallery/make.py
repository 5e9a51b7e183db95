#!/usr/bin/env python3
"""Paints every picture of docs/gallery.md that is not there, by the command that stands there.

    python docs/gallery/make.py IMPASTO            from the root of the project; needs nothing but Python

Writes behind each command that it ran the seconds that it took.
"""

import shlex
import subprocess
import sys
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "gallery.md"


def commands():
    """The `impasto` commands of the page, each as the line that it is and as its words."""
    for line in PAGE.read_text().splitlines():
        if line.startswith("impasto "):
            yield line, shlex.split(line, comments=True)


def main():
    impasto = sys.argv[1]
    for line, words in list(commands()):
        output = Path(words[words.index("-o") + 1])
        if output.exists():
            continue
        began = time.monotonic()
        subprocess.run([impasto, *words[1:], "--no-record", "-q"], check=True)
        took = f"{time.monotonic() - began:.0f} s"
        print(output, took, flush=True)
        page = PAGE.read_text()
        PAGE.write_text(page.replace(line, f"{line.split('  #')[0]}  # {took}"))


if __name__ == "__main__":
    main()
