"""Arrays and tensors: the same operations in NumPy and in PyTorch."""

import numpy as np
import torch

a = np.arange(6.0).reshape(2, 3)
t = torch.arange(6, dtype=torch.float64).reshape(2, 3)
W = np.ones((3, 2))
V = torch.ones(3, 2, dtype=torch.float64)

operations = {
    "sum over the rows": (a.sum(axis=0), t.sum(dim=0)),
    "mean of each row, kept as a column": (a.mean(axis=1, keepdims=True), t.mean(dim=1, keepdim=True)),
    "matrix product": (a @ W, t @ V),
    "product element by element": (a * a, t * t),
    "transposed": (a.T, t.T),
    "other shape": (a.reshape(3, 2), t.reshape(3, 2)),
    "a new axis": (a[:, None, :], t.unsqueeze(1)),
    "one above the other": (np.concatenate([a, a], axis=0), torch.cat([t, t], dim=0)),
    "where it is above 2": (np.where(a > 2, a, 0), torch.where(t > 2, t, 0)),
    "place of the largest in each row": (a.argmax(axis=1), t.argmax(dim=1)),
    "standard deviation": (a.std(), t.std()),
    "decimal number, as it comes": (np.array(0.1), torch.tensor(0.1)),
}

b = a.copy()
shared = torch.from_numpy(b)  # no copy: both look at the same memory
b[0, 0] = 10.0

result = {f"{name}: sum": float(torch.as_tensor(theirs).double().sum()) for name, (_, theirs) in operations.items()}
result["from_numpy sees a later change"] = float(shared[0, 0])
