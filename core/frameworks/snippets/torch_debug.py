"""Four checks before a long training, and what PyTorch says when something does not fit."""

import math

import torch
from torch import nn

generator = torch.Generator().manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)).double()
for p in model.parameters():
    nn.init.uniform_(p, -0.3, 0.3, generator=generator)
x = torch.randn(8, 4, dtype=torch.float64, generator=generator)
labels = torch.randint(3, (8,), generator=generator)

shapes = []  # 1. shapes on the way: a hook on every layer
watched = [
    m.register_forward_hook(lambda m, _, out: shapes.append((type(m).__name__, tuple(out.shape)))) for m in model
]
first = nn.functional.cross_entropy(model(x), labels)  # 2. the first loss: about log K
for hook in watched:
    hook.remove()

optimizer = torch.optim.Adam(model.parameters(), lr=0.02)  # 3. can it learn eight examples by heart?
for _ in range(200):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()
still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]  # 4. who learns nothing?


def complaint(wrong):
    try:
        wrong()
    except Exception as problem:
        return str(problem)
    return "no error"


def written_over():
    w = torch.ones(2, requires_grad=True)
    h = torch.exp(w)
    h += 1  # exp needs its own result for the gradient
    h.sum().backward()


complaints = {
    "5 inputs for a layer of 4": complaint(lambda: model(torch.ones(8, 5, dtype=torch.float64))),
    "float32 into a float64 net": complaint(lambda: model(torch.ones(8, 4))),
    "labels as float": complaint(lambda: nn.functional.cross_entropy(model(x), labels.double())),
    "written over what backward needs": complaint(written_over),
    "backward twice": complaint(lambda: [loss.backward() for _ in range(2)]),
}

result = {
    "first loss": first.item(),
    "log 3": math.log(3),
    "loss of eight examples after 200 steps": loss.item(),
    "parameters without a gradient": float(len(still)),
}
