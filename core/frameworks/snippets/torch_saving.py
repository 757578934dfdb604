"""Save the state_dict, not the model: plain tensors by name, which any later version of the class can load."""

import io

import torch
from torch import nn

generator = torch.Generator().manual_seed(0)
x = torch.randn(64, 4, dtype=torch.float64, generator=generator)
y = x[:, :1] ** 2


def begun():
    """A net with first weights from our generator, and its Adam."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    source = torch.Generator().manual_seed(1)
    for p in model.parameters():
        nn.init.uniform_(p, -0.5, 0.5, generator=source)
    return model, torch.optim.Adam(model.parameters(), lr=0.02)


def train(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
    return nn.functional.mse_loss(model(x), y).item()


model, optimizer = begun()
train(model, optimizer, 20)
file = io.BytesIO()  # a path in real life: torch.save(..., "checkpoint.pt")
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)


def resumed(with_optimizer):
    file.seek(0)
    saved = torch.load(file, weights_only=True)  # plain tensors only: a pickle could run any code
    model, optimizer = begun()
    model.load_state_dict(saved["model"])
    if with_optimizer:
        optimizer.load_state_dict(saved["optimizer"])
    return model, train(model, optimizer, 20)


file.seek(0)
loaded = torch.load(file, weights_only=True)["model"]
apart = max((loaded[name] - p).abs().max().item() for name, p in model.state_dict().items())
whole = train(model, optimizer, 20)
try:
    nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, 1)).load_state_dict(loaded)
    refused = ""
except RuntimeError as problem:
    refused = str(problem)

result = {
    "largest difference after loading": apart,
    "loss after 40 steps, not interrupted": whole,
    "loss after 20, save, load, 20": resumed(True)[1],
    "the same without the optimizer": resumed(False)[1],
}
