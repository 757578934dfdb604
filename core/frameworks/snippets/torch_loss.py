"""nn.CrossEntropyLoss wants logits: it takes the softmax itself. Probabilities go to nn.NLLLoss, as logarithms."""

import torch
from torch import nn

GAP = 40.0

logits = torch.tensor([[GAP, 0.0]])  # sure of class 0, in float32
label = torch.tensor([1])  # it is class 1
p = torch.softmax(logits, dim=1)

result = {
    "from logits": nn.CrossEntropyLoss()(logits, label).item(),
    "log of the softmax": nn.NLLLoss()(torch.log(p), label).item(),
    "softmax twice": nn.CrossEntropyLoss()(p, label).item(),
    "probabilities, cut as in Keras": -torch.log(p.clamp(1e-7, 1 - 1e-7))[0, 1].item(),
}
