"""First weights of a dense layer: nn.Linear's, and Keras' Glorot uniform with zero bias."""

import math

import torch
from torch.nn import init

INPUTS = 64
OUTPUTS = 32

generator = torch.Generator().manual_seed(0)


def as_torch(inputs, outputs):
    weight = torch.empty(outputs, inputs, dtype=torch.float64)
    init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)  # = uniform in +-1 / sqrt(inputs)
    bound = 1 / math.sqrt(inputs)
    return weight, init.uniform_(torch.empty(outputs, dtype=torch.float64), -bound, bound, generator=generator)


def as_keras(inputs, outputs):
    weight = torch.empty(outputs, inputs, dtype=torch.float64)
    init.xavier_uniform_(weight, generator=generator)  # uniform in +-sqrt(6 / (inputs + outputs))
    return weight, torch.zeros(outputs, dtype=torch.float64)


def spreads(make):
    """The standard deviation behind each of ten ReLU layers of 64 units."""
    h, found = torch.randn(256, 64, dtype=torch.float64, generator=generator), []
    for _ in range(10):
        weight, bias = make(64, 64)
        h = torch.relu(h @ weight.T + bias)
        found.append(h.std().item())
    return found


drawn = {"PyTorch": as_torch(INPUTS, OUTPUTS)[0].flatten(), "Keras": as_keras(INPUTS, OUTPUTS)[0].flatten()}
depth = {"PyTorch": spreads(as_torch), "Keras": spreads(as_keras)}
result = {
    "variance in PyTorch": drawn["PyTorch"].square().mean().item(),
    "variance in PyTorch, expected": 1 / (3 * INPUTS),
    "variance in Keras": drawn["Keras"].square().mean().item(),
    "variance in Keras, expected": 2 / (INPUTS + OUTPUTS),
    "behind ten layers, PyTorch": depth["PyTorch"][-1],
    "behind ten layers, Keras": depth["Keras"][-1],
}
