"""The same pictures as N, H, W, C (Keras) and as N, C, H, W (PyTorch)."""

import numpy as np
import torch

rng = np.random.default_rng(0)
pictures = rng.normal(size=(2, 4, 5, 3))  # N, H, W, C
kernel = rng.normal(size=(3, 3, 3, 2))  # height, width, in, out

windows = np.lib.stride_tricks.sliding_window_view(pictures, (3, 3), axis=(1, 2))
by_hand = np.tensordot(windows, kernel, ([3, 4, 5], [2, 0, 1]))  # N, H', W', out

x = torch.from_numpy(pictures).permute(0, 3, 1, 2)  # N, C, H, W: the order of the axes, not the memory
w = torch.from_numpy(kernel).permute(3, 2, 0, 1)  # out, in, height, width
y = torch.nn.functional.conv2d(x, w)
back = y.permute(0, 2, 3, 1).numpy()

contiguous = x.contiguous()  # now the memory too is N, C, H, W
flat_keras = pictures.reshape(2, -1)
flat_torch = contiguous.flatten(1).numpy()

result = {
    "largest difference of the maps": float(np.abs(back - by_hand).max()),
    "numbers at the same place after flatten": float((flat_keras == flat_torch).mean()),
    "step to the next column, permuted": float(x.stride(3)),
    "step to the next column, contiguous": float(contiguous.stride(3)),
}
