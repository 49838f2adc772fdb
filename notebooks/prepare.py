# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Prepare
#
# The images of the digits, 1,797 PNG files in a folder a class, as one array.
# The labels are not needed here: to correct a label later does not run this stage again.

# %%
from pathlib import Path

import numpy as np
from PIL import Image

# %% tags=["parameters"]
size: int = 8  # pixels a side

# %%
files = sorted(Path("../data/digits").glob("*/*.png"), key=lambda path: path.stem)
images = np.stack([np.asarray(Image.open(path).resize((size, size)), dtype=np.float32) / 255 for path in files])
names = np.array([path.stem for path in files])
images.shape

# %%
output = Path("../data/prepared")
output.mkdir(parents=True, exist_ok=True)
np.save(output / "images.npy", images.reshape(len(images), -1))
np.save(output / "names.npy", names)

# %%
import jupyter_mlx as jm

jm.log(images=len(images), mean_ink=float(images.mean()))
