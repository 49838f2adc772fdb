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
# # Evaluate
#
# The model on the images that it has not seen: accuracy, and which digits it confuses.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import ConfusionMatrixDisplay, f1_score

import jupyter_mlx as jm

# %% tags=["parameters"]
top: int = 3  # how many of the most frequent confusions are reported

# %%
images = np.load("../data/prepared/images.npy")
names = np.load("../data/prepared/names.npy")
labels = pd.read_csv("../data/labels.csv", dtype={"name": str}).set_index("name").loc[names, "label"].to_numpy()
held_out = np.arange(len(images)) % 5 == 0

# %%
weights = np.load("../models/digits.npz")
layer = np.maximum(images[held_out] @ weights["hidden_weights"] + weights["hidden_bias"], 0)
predicted = (layer @ weights["output_weights"] + weights["output_bias"]).argmax(1)
accuracy = float((predicted == labels[held_out]).mean())
f1 = float(f1_score(labels[held_out], predicted, average="macro"))
jm.log(accuracy=accuracy, f1=f1)

# %%
wrong = pd.DataFrame({"label": labels[held_out], "predicted": predicted}).query("label != predicted")
confusions = wrong.value_counts().head(top)
confusions

# %%
reports = Path("../reports")
reports.mkdir(exist_ok=True)
figure, axes = plt.subplots(figsize=(5, 4.5))
ConfusionMatrixDisplay.from_predictions(labels[held_out], predicted, ax=axes, colorbar=False, cmap="Blues")
axes.set_title(f"accuracy {accuracy:.3f}")
figure.savefig(reports / "confusion.png", dpi=100, metadata={"Software": None})
(reports / "metrics.json").write_text(json.dumps({"accuracy": accuracy, "f1": f1}, indent=2) + "\n")
