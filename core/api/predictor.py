"""Answers of a kept model: the network is built once, and stays for the newest few models that were asked.

P = softmax(head(body(x)) / T),    x: the picture's middle square, resized and normalised as in training
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from core.data.squares import squares
from core.store import load, stamp
from models.tuned import BACKBONES, Tuned, tuned

MOST_NETWORKS = 4
_building = threading.Lock()


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network in eval mode with what is needed to ask it."""

    net: Tuned
    backbone: str
    classes: tuple[str, ...]
    temperature: float
    unknown: float

    def probabilities(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(N, classes) for pictures (height, width, 3) of bytes."""
        about = BACKBONES[self.backbone]
        dtype = next(self.net.parameters()).dtype
        whole = torch.from_numpy(squares(pictures, about.input_shape[1])).permute(0, 3, 1, 2)
        with torch.inference_mode():
            logits = self.net(about.normalise(whole.to(dtype) / 255))
        return torch.softmax(logits.double() / self.temperature, 1).numpy()

    def answer(self, P: np.ndarray) -> dict[str, Any]:
        """What is said about one picture."""
        top = int(P.argmax())
        return {
            "answer": self.classes[top] if P[top] >= self.unknown else "unknown",
            "class": self.classes[top],
            "probability": float(P[top]),
            "probabilities": {name: float(p) for name, p in zip(self.classes, P, strict=True)},
        }


def built(about: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> Predictor:
    """The predictor of a run's `about` and weights: the backbone by its name, what was trained from the weights.

    Raises:
        ExplainerError: the backbone's own weights cannot be had here.
    """
    net = tuned(about["backbone"], len(about["classes"]), depth=about["depth"], scratch=about["strategy"] == "scratch")
    net = net.to(torch.float64 if about["double"] else torch.float32)
    own = net.state_dict()
    own |= {name: torch.from_numpy(value) for name, value in weights.items()}
    net.load_state_dict(own)
    return Predictor(
        net.eval(), about["backbone"], tuple(about["classes"]), float(about["temperature"]), float(about["unknown"])
    )


def predictor(run_id: str) -> Predictor:
    """The predictor of a kept run; a run that was replaced is built anew.

    Raises:
        ExplainerError: there is no such run, it is damaged, or its backbone cannot be had here.
    """
    with _building:
        return _cached(run_id, stamp(run_id))


@lru_cache(maxsize=MOST_NETWORKS)
def _cached(run_id: str, stamp: str) -> Predictor:
    run = load(run_id)
    return built(run.about, run.weights)
