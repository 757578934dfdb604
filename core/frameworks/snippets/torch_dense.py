"""nn.Linear keeps its weight as (out, in), Keras' Dense its kernel as (in, out): y = x W^T + b and y = x K + b."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(0)
x = rng.normal(size=(4, 3))
kernel, bias = rng.normal(size=(3, 5)), rng.normal(size=5)  # as layer.get_weights() of a Keras Dense gives them

linear = nn.Linear(3, 5).double()
with torch.no_grad():
    linear.weight.copy_(torch.from_numpy(kernel.T))
    linear.bias.copy_(torch.from_numpy(bias))
    y = linear(torch.from_numpy(x)).numpy()

square = rng.normal(size=(3, 3))  # a square kernel fits either way: no error, another layer
wrong = np.abs(x @ square - x @ square.T).max()

result = {
    "largest difference after transfer": float(np.abs(y - (x @ kernel + bias)).max()),
    "largest difference, square kernel not transposed": float(wrong),
}
