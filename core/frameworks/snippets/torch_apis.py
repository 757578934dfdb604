"""A model written to be used again: sizes as arguments, blocks from blocks, nothing global."""

from itertools import pairwise

from torch import nn


def block(inputs, outputs, drop=0.0):
    """Linear, ReLU, dropout: the part that repeats."""
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(drop))


class Classifier(nn.Module):
    """Any number of blocks, then a score for each class; the body can be taken out and used elsewhere."""

    def __init__(self, inputs, widths, classes, drop=0.0):
        super().__init__()
        sizes = [inputs, *widths]
        self.body = nn.Sequential(*(block(a, b, drop) for a, b in pairwise(sizes)))
        self.head = nn.Linear(sizes[-1], classes)

    def forward(self, x):
        return self.head(self.body(x))


model = Classifier(64, [32, 16], 10)
by_formula = sum(a * b + b for a, b in pairwise([64, 32, 16, 10]))

result = {
    "parameters": float(sum(p.numel() for p in model.parameters())),
    "parameters by formula": float(by_formula),
    "names in the state_dict": float(len(model.state_dict())),
}
