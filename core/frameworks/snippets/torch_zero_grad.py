"""PyTorch adds every new gradient to what is there; without zero_grad the step follows the sum."""

import torch

FORGETS = 3

x = torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)
y = torch.tensor([1.0, 2.0], dtype=torch.float64)


def loss_of(w):
    return ((x @ w - y) ** 2).mean()


w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
sums = []
for _ in range(FORGETS):
    loss_of(w).backward()  # w.grad += the gradient
    sums.append(w.grad.norm().item())


def train(clear):
    w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer, losses = torch.optim.SGD([w], lr=0.05), []
    for _ in range(40):
        if clear:
            optimizer.zero_grad()
        loss = loss_of(w)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


cleared, forgotten = train(True), train(False)
result = {
    "gradient after one backward": sums[0],
    "gradient after all of them": sums[-1],
    "last loss with zero_grad": cleared[-1],
    "last loss without": forgotten[-1],
}
