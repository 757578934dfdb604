"""A vision transformer written out with torch alone: what the number check compares, and what the exported script contains.

`w` maps a weight's name to its tensor; `x` is one normalised picture (channels, size, size); everything is float64.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F


def dense(w, name, z):
    """z W^T + b"""
    return z @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def norm(w, name, z):
    """LN: mean 0 and variance 1 in every row, then scaled and shifted."""
    centred = z - z.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def gelu(a):
    """a Phi(a)"""
    return a * (1 + torch.erf(a / math.sqrt(2))) / 2


def attention(w, name, n, heads):
    """n (T, d) -> what the heads read, (T, d), and their weights A (heads, T, T)."""
    T, d = n.shape
    q, k, v = (
        dense(w, f"{name}.{part}", n).reshape(T, heads, d // heads).transpose(0, 1)
        for part in ("query", "key", "value")
    )
    A = torch.softmax(q @ k.mT / math.sqrt(d // heads), -1)
    return dense(w, f"{name}.out", (A @ v).transpose(0, 1).reshape(T, d)), A


def stem(w, x):
    """Three blocks of a convolutional network: convolution, batch-norm, ReLU, the largest of each 2 x 2 pixels."""
    for b in (1, 2, 3):
        maps = F.conv2d(x[None], w[f"stem.conv{b}.weight"], padding=1)[0]
        mean, variance, scale, shift = (
            w[f"stem.norm{b}.{name}"][:, None, None] for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = F.max_pool2d(((maps - mean) / (variance + 1e-5).sqrt() * scale + shift).relu(), 2)
    return x


def embed(w, x, patch):
    """Equation 1: the picture, or the maps of its stem -> z_0 (1 + P, d)."""
    x = stem(w, x) if "stem.conv1.weight" in w else x
    corners = [(r, c) for r in range(0, x.shape[1], patch) for c in range(0, x.shape[2], patch)]
    patches = torch.stack([x[:, r : r + patch, c : c + patch].reshape(-1) for r, c in corners])
    z = torch.cat([w["x_class"][None], dense(w, "embedding", patches)])
    return z + w["E_pos"] if "E_pos" in w else z


def read(w, z, layers, heads, watched):
    """Equations 2 to 4: logits, the attention of all layers, and the tokens that enter the attention of the layer `watched`."""
    seen, entered = [], None
    for layer in range(layers):
        n = norm(w, f"stack.blocks.{layer}.norm_attention", z)
        if layer == watched:
            n = entered = n.detach().requires_grad_()
        out, A = attention(w, f"stack.blocks.{layer}.attention", n, heads)
        z = out + z
        hidden = gelu(dense(w, f"stack.blocks.{layer}.feed.first", norm(w, f"stack.blocks.{layer}.norm_feed", z)))
        z = dense(w, f"stack.blocks.{layer}.feed.second", hidden) + z
        seen.append(A.detach())
    return dense(w, "classifier", norm(w, "stack.norm", z)[0]), torch.stack(seen), entered


def rollout(A):
    """The product of (mean over heads + I) / 2 over the layers, the last one leftmost."""
    R = torch.eye(A.shape[-1], dtype=A.dtype)
    for layer in A.mean(1):
        R = (layer + torch.eye(len(R), dtype=A.dtype)) / 2 @ R
    return R


def grad_cam(logit, entered):
    """ReLU(sum_k alpha_k Z_k) for each patch, alpha_k the mean slope of the logit over the patches."""
    (slope,) = torch.autograd.grad(logit, entered)
    return (entered.detach()[1:] @ slope[1:].mean(0)).relu()
