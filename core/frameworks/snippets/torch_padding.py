"""Padding "same" with a stride: Keras pads more on the right, PyTorch's padding=k // 2 equally on both sides."""

import torch
from torch.nn import functional as F

SIZE = 6
KERNEL = 3
STRIDE = 2

x = torch.arange(1.0, SIZE + 1, dtype=torch.float64)[None, None]  # 1, 2, ..., n
w = torch.arange(1.0, KERNEL + 1, dtype=torch.float64)[None, None]

both = F.conv1d(x, w, stride=STRIDE, padding=KERNEL // 2)

length = -(-SIZE // STRIDE)  # Keras: n / s, rounded up
missing = max((length - 1) * STRIDE + KERNEL - SIZE, 0)
left, right = missing // 2, missing - missing // 2
same = F.conv1d(F.pad(x, (left, right)), w, stride=STRIDE)

result = {
    "PyTorch pads left": float(KERNEL // 2),
    "Keras pads left": float(left),
    "Keras pads right": float(right),
    "outputs in PyTorch": float(both.shape[-1]),
    "outputs in Keras": float(same.shape[-1]),
    "first output in PyTorch": both[0, 0, 0].item(),
    "first output in Keras": same[0, 0, 0].item(),
}
