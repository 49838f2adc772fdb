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
# # Explore
#
# Cells with `%%track` are runs: their code, parameters, metrics, figures and the exact versions of the
# files that they read are in the *Runs* panel at the left before you let go of the keys.

# %%
# %load_ext jupyter_mlx

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

import jupyter_mlx as jm

# %% tags=["parameters"]
n_neighbors: int = 5

# %%
# %%track digits -t look
images = np.load("../data/prepared/images.npy")
names = np.load("../data/prepared/names.npy")
labels = pd.read_csv("../data/labels.csv", dtype={"name": str}).set_index("name").loc[names, "label"].to_numpy()

figure, grid = plt.subplots(2, 10, figsize=(8, 2))
for digit, column in enumerate(grid.T):
    for axes, index in zip(column, np.flatnonzero(labels == digit)[:2]):
        axes.imshow(images[index].reshape(8, 8), cmap="gray_r")
        axes.set_axis_off()
figure.suptitle("two of each, by their labels")
per_class = dict(zip(*(part.tolist() for part in np.unique(labels, return_counts=True))))
jm.log(images=len(images), smallest_class=min(per_class.values()))

# %%
# %%track neighbours -p k=1 -m accuracy
train = np.arange(len(images)) % 5 != 0
model = KNeighborsClassifier(1).fit(images[train], labels[train])
accuracy = model.score(images[~train], labels[~train])

# %% [markdown]
# A parameter can also be a variable, such as the one that `jmlx exec -p n_neighbors=3` sets.

# %%
# %%track neighbours -p n_neighbors -m accuracy -t tuned
accuracies = {}
for k in range(1, 16, 2):
    model = KNeighborsClassifier(k).fit(images[train], labels[train])
    accuracies[k] = model.score(images[~train], labels[~train])
    jm.log(held_out=accuracies[k], step=k)
accuracy = accuracies.get(n_neighbors, model.score(images[~train], labels[~train]))

figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(list(accuracies), list(accuracies.values()), marker="o")
axes.set(xlabel="neighbours", ylabel="accuracy", title="held-out digits")
axes.grid(alpha=0.3);

# %%
jm.log(best_accuracy=max(accuracies.values()))

# %%
# %runs kind = cell
