"""What all tests share: one torch thread, as in the app. Two on a busy machine are slower, and the order of sums would differ."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
