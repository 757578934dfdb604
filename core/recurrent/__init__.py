"""Recurrent nets seen from inside: cells, every gate at every step, gradients through time, tasks with known answers, training."""

from core.recurrent.cells import CELLS, Cell, PeepholeLSTM, kind_of, width_for
from core.recurrent.learning import descend, train, weights_in
from core.recurrent.networks import Net, arrays, blank, count, loaded, network
from core.recurrent.tasks import IGNORE, TASKS, Task
from core.recurrent.through_time import Gradients, gradients, jacobians
from core.recurrent.tracing import Trace, Weights, trace, weights_of

__all__ = [
    "CELLS",
    "IGNORE",
    "TASKS",
    "Cell",
    "Gradients",
    "Net",
    "PeepholeLSTM",
    "Task",
    "Trace",
    "Weights",
    "arrays",
    "blank",
    "count",
    "descend",
    "gradients",
    "jacobians",
    "kind_of",
    "loaded",
    "network",
    "trace",
    "train",
    "weights_in",
    "weights_of",
    "width_for",
]
