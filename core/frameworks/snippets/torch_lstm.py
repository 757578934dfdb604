"""LSTM and GRU weights in Keras' order: kernel (in, 4H), recurrent kernel (H, 4H), ONE bias; PyTorch (4H, in), (4H, H), TWO."""

import numpy as np
import torch
from torch import nn

HIDDEN = 3

generator = torch.Generator().manual_seed(0)
x = torch.randn(2, 6, 4, dtype=torch.float64, generator=generator)  # batch, steps, inputs: batch_first=True


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def drawn(layer):
    """The layer in float64, with weights from our generator."""
    for p in layer.double().parameters():
        nn.init.uniform_(p, -0.8, 0.8, generator=generator)
    return layer


def keras_lstm(x, kernel, recurrent, bias):
    """Gates in the order i, f, c, o."""
    h = c = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def keras_gru(x, kernel, recurrent, bias):
    """Gates in the order z, r, h; reset_after=True keeps two rows of biases."""
    h = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        z, r, n = np.split(x[:, t] @ kernel + bias[0], 3, axis=1)
        hz, hr, hn = np.split(h @ recurrent + bias[1], 3, axis=1)
        z, r = sigmoid(z + hz), sigmoid(r + hr)
        h = z * h + (1 - z) * np.tanh(n + r * hn)
    return h


def z_first(rows):
    """PyTorch's blocks r, z, n as z, r, n."""
    r, z, n = np.split(rows, 3, axis=0)
    return np.concatenate([z, r, n])


lstm, gru = drawn(nn.LSTM(4, HIDDEN, batch_first=True)), drawn(nn.GRU(4, HIDDEN, batch_first=True))
with torch.no_grad():
    h_lstm, h_gru = lstm(x)[0][:, -1].numpy(), gru(x)[0][:, -1].numpy()
W, U, b, c = (p.detach().numpy() for p in lstm.parameters())
carried = keras_lstm(x.numpy(), W.T, U.T, b + c)  # i, f, g, o is i, f, c, o under another name
one_bias = keras_lstm(x.numpy(), W.T, U.T, b)
W, U, b, c = (p.detach().numpy() for p in gru.parameters())
turned = keras_gru(x.numpy(), z_first(W).T, z_first(U).T, np.stack([z_first(b), z_first(c)]))
unturned = keras_gru(x.numpy(), W.T, U.T, np.stack([b, c]))

result = {
    "LSTM carried over, largest difference": float(np.abs(carried - h_lstm).max()),
    "LSTM with the second bias left out": float(np.abs(one_bias - h_lstm).max()),
    "GRU carried over, largest difference": float(np.abs(turned - h_gru).max()),
    "GRU with the gates in the wrong order": float(np.abs(unturned - h_gru).max()),
}
