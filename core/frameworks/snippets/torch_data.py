"""A Dataset knows its length and gives example i; a DataLoader makes batches of them, in a new order each epoch."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

BUFFER = 50


class Squares(Dataset):
    """What every Dataset has: __len__ and __getitem__."""

    def __len__(self):
        return 500

    def __getitem__(self, i):
        return torch.tensor([float(i)]), i


def shuffle_buffer(examples, size, rng):
    """What tf.data's shuffle(size) does: fill a buffer, give a random one of it, put the next one in its place."""
    waiting = []
    for example in examples:
        if len(waiting) < size:
            waiting.append(example)
            continue
        k = rng.integers(size)
        yield waiting[k]
        waiting[k] = example
    yield from rng.permutation(waiting)


loader = DataLoader(Squares(), batch_size=32, shuffle=True, generator=torch.Generator().manual_seed(0))
full = np.concatenate([labels.numpy() for _, labels in loader])  # num_workers=2 would load in other processes
buffered = np.array([int(i) for i in shuffle_buffer(range(500), BUFFER, np.random.default_rng(0))])
moved = {name: np.abs(order - np.arange(500)).mean() for name, order in (("full", full), ("buffer", buffered))}

result = {
    "batches in an epoch": float(len(loader)),
    "examples in the last batch": float(500 - 32 * (len(loader) - 1)),
    "mean way of an example, DataLoader": float(moved["full"]),
    "mean way of an example, buffer": float(moved["buffer"]),
    "largest number in the first 32, buffer": float(buffered[:32].max()),
}
