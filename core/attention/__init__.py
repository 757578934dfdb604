"""Attention computed, watched, changed and scored: what all explainers of transformers share.

>>> from core.attention import TASKS, trace
>>> seen = trace(model, tokens)
>>> seen.weights.shape  # (batch, layer, head, query, key)
"""

from core.attention.masks import drawn, local, padding
from core.attention.tasks import TASKS, Sample, Task
from core.attention.tracing import Maps, Trace, trace
from models.attention import attention, causal

__all__ = [
    "TASKS",
    "Maps",
    "Sample",
    "Task",
    "Trace",
    "attention",
    "causal",
    "drawn",
    "local",
    "padding",
    "trace",
]
