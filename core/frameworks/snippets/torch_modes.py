"""model.train() and model.eval() switch dropout and batch norm; forgetting one of them is no error, only wrong."""

import torch
from torch import nn

DROP = 0.5

generator = torch.Generator().manual_seed(0)
h = torch.rand(2000, dtype=torch.float64, generator=generator) + 0.5
kept = torch.rand(2000, dtype=torch.float64, generator=generator) >= DROP
trained = h * kept / (1 - DROP)  # what nn.Dropout(DROP) does after .train(): scaled up, so that the mean stays
evaluated = h  # and after .eval()

norm = nn.BatchNorm1d(1, dtype=torch.float64)
batch = 3 + 2 * torch.randn(64, 1, dtype=torch.float64, generator=generator)
in_training = norm.train()(batch)  # by the mean and variance of this batch; moves the running ones
in_evaluation = norm.eval()(batch)  # by the running mean and variance

try:
    norm.train()(batch[:1])
    refused = ""
except ValueError as problem:  # one example has no variance
    refused = str(problem)

result = {
    "mean of the units": h.mean().item(),
    "mean with dropout": trained.mean().item(),
    "share dropped": 1 - kept.double().mean().item(),
    "batch norm in training, mean": in_training.mean().item() + 0.0,
    "batch norm in evaluation, mean": in_evaluation.mean().item(),
}
