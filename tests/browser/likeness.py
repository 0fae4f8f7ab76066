"""Does a page still look as it did?

In: a screenshot, a committed reference. Out: the share of the screen that is another.

The references are tiny: a pixel stands for 100 × 100 of the first screen, so that text is an even grey, whatever font
the machine has. What is noticed is what a reader would notice from across the room: a column that is gone, a page
without its text, a dark page that is light. Finer references would hold for one machine only. `DERIVE_ACCEPT=1` writes
them anew.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

BLOCK = 100
REFERENCES = Path(__file__).parent / "references"
DIFFERENT = 12  # of 255, by the worst of red, green and blue
ALLOWED = 0.17  # of the blocks


def reduced(screenshot: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    return image.resize((image.width // BLOCK, image.height // BLOCK), Image.Resampling.BOX)


def changed(image: Image.Image, reference: Image.Image) -> float:
    """The share of blocks that differ; all where the size does."""
    if image.size != reference.size:
        return 1.0
    apart = np.abs(np.asarray(image, int) - np.asarray(reference, int)).max(axis=-1)
    return float(np.mean(apart > DIFFERENT))


def compare(screenshot: bytes, name: str) -> float:
    """The share of blocks that differ from the reference of this name."""
    image, file = reduced(screenshot), REFERENCES / f"{name}.png"
    if os.environ.get("DERIVE_ACCEPT") and (not file.exists() or changed(image, Image.open(file)) > ALLOWED):
        file.parent.mkdir(exist_ok=True)
        image.save(file, optimize=True)
    assert file.exists(), f"there is no {file}; DERIVE_ACCEPT=1 writes it"
    return changed(image, Image.open(file))
