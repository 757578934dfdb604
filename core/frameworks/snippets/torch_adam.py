"""Adam's epsilon: 1e-8 in PyTorch, 1e-7 in Keras, and in another place of the formula."""

import math

import torch

EPSILON = 1e-7


def first_step(gradient, eps):
    """How far PyTorch's Adam moves a weight, with learning rate 1."""
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    w.grad = torch.full_like(w, gradient)
    torch.optim.Adam([w], lr=1.0, eps=eps).step()
    return abs(w.item())


def first_step_in_keras(gradient, eps):
    """Keras: rate * sqrt(1 - beta2) / (1 - beta1) * m / (sqrt(v) + eps)."""
    m, v = 0.1 * gradient, 0.001 * gradient**2
    return math.sqrt(0.001) / 0.1 * m / (math.sqrt(v) + eps)


gradients = [10.0 ** (k / 4) for k in range(-48, 1)]
curves = {
    "PyTorch, 1e-8": [first_step(g, 1e-8) for g in gradients],
    "PyTorch, second ε": [first_step(g, EPSILON) for g in gradients],
    "Keras, second ε": [first_step_in_keras(g, EPSILON) for g in gradients],
}
result = {
    "step for a gradient of 1e-7, PyTorch": first_step(1e-7, 1e-8),
    "with the second epsilon, PyTorch": first_step(1e-7, EPSILON),
    "with the second epsilon, Keras": first_step_in_keras(1e-7, EPSILON),
}
