"""A layer and a loss of your own: an nn.Module with its parameters, and a function. Autograd does the rest."""

import torch
from torch import nn


class Swish(nn.Module):
    """x * sigmoid(beta x), with a beta to learn for every unit."""

    def __init__(self, units):
        super().__init__()
        self.beta = nn.Parameter(torch.ones(units))  # a Parameter is found by model.parameters()

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)


def focal_loss(logits, labels, gamma=2.0):
    """Cross-entropy that counts easy examples less: mean of (1 - p)^gamma * -log p."""
    log_p = torch.log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
    return (-((1 - log_p.exp()) ** gamma) * log_p).mean()


generator = torch.Generator().manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), Swish(4), nn.Linear(4, 2)).double()  # blocks from blocks
for p in model.parameters():
    nn.init.uniform_(p, -1.0, 1.0, generator=generator)
x, labels = torch.randn(5, 3, dtype=torch.float64, generator=generator), torch.tensor([0, 1, 1, 0, 1])
loss = focal_loss(model(x), labels)
loss.backward()

beta, step, numeric = model[1].beta, 1e-6, []
with torch.no_grad():
    for k in range(4):  # each beta a little up and a little down
        losses = []
        for sign in (1, -1):
            beta[k] += sign * step
            losses.append(focal_loss(model(x), labels).item())
            beta[k] -= sign * step
        numeric.append((losses[0] - losses[1]) / (2 * step))
analytic = beta.grad.tolist()

result = {
    "loss": loss.item(),
    "parameters": float(sum(p.numel() for p in model.parameters())),
    "gradient of the first beta": analytic[0],
    "gamma 0 is plain cross-entropy, difference": abs(
        focal_loss(model(x), labels, 0.0) - nn.functional.cross_entropy(model(x), labels)
    ).item(),
}
