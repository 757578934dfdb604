"""Batch norm: PyTorch's momentum is the weight of the NEW batch (0.1), Keras' that of the OLD mean (0.99)."""

import torch
from torch import nn

STEPS = 60

generator = torch.Generator().manual_seed(0)
batches = 3 + 2 * torch.randn(STEPS, 16, 1, dtype=torch.float64, generator=generator)
standard = nn.BatchNorm1d(1, dtype=torch.float64)  # momentum=0.1, eps=1e-5
as_keras = nn.BatchNorm1d(1, momentum=1 - 0.99, eps=1e-3, dtype=torch.float64)
means, variances = [], []
for batch in batches:
    standard(batch), as_keras(batch)
    means.append((standard.running_mean.item(), as_keras.running_mean.item()))
    variances.append((standard.running_var.item(), as_keras.running_var.item()))

x = torch.tensor([[5.0]], dtype=torch.float64)
result = {
    "running mean, PyTorch": means[-1][0],
    "running mean, momentum as in Keras": means[-1][1],
    "running variance, PyTorch": variances[-1][0],
    "running variance, momentum as in Keras": variances[-1][1],  # Keras' own is smaller: it divides by 16, not 15
    "output for 5, PyTorch": standard.eval()(x).item(),
    "output for 5, settings as in Keras": as_keras.eval()(x).item(),
}
