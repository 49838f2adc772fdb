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
# # Train
#
# A small neural network on the prepared images. Every epoch is a step of the run's metrics;
# the weights are written as plain arrays, so that to load them executes no code.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

import jupyter_mlx as jm

# %% tags=["parameters"]
hidden: int = 32
learning_rate: float = 0.01
epochs: int = 25
seed: int = 0

# %%
images = np.load("../data/prepared/images.npy")
names = np.load("../data/prepared/names.npy")
labels = pd.read_csv("../data/labels.csv", dtype={"name": str}).set_index("name").loc[names, "label"].to_numpy()
# every fifth image is held out for the evaluation
train = np.arange(len(images)) % 5 != 0

# %%
model = MLPClassifier((hidden,), learning_rate_init=learning_rate, batch_size=64, random_state=seed)
for epoch in range(epochs):
    model.partial_fit(images[train], labels[train], classes=range(10))
    probabilities = model.predict_proba(images[train])
    jm.log(
        loss=log_loss(labels[train], probabilities, labels=range(10)),
        train_accuracy=float((probabilities.argmax(1) == labels[train]).mean()),
        step=epoch,
    )

# %%
Path("../models").mkdir(exist_ok=True)
np.savez(
    "../models/digits.npz",
    hidden_weights=model.coefs_[0], hidden_bias=model.intercepts_[0],
    output_weights=model.coefs_[1], output_bias=model.intercepts_[1],
)
