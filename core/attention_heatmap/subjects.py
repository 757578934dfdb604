"""The transformer that all views of the page show: one that ships, one that was trained here, or a language model from a folder.

A language model is asked for the next token at every token (one that reads both ways, for the token that stands there). Nobody knows
where it should look, so its alignment is empty. `GLASSNET_MODELS` names the folder of the models, each in a folder of its own: a
checkpoint with the names of Llama (config.json with `dim`, model.pt or model.safetensors, tokenizer.json), or, where the package
transformers is installed, one that it has saved as safetensors.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from safetensors.numpy import load, save
from torch import Tensor, nn

from core.attention.shipped import COURSES, in_float64, shipped
from core.attention.tasks import IGNORED, Sample, Task
from core.attention.training import Course, trained
from core.attention_heatmap.scored_tokens import ScoredTokens, shown
from core.attention_heatmap.spec import AttentionHeatmapSpec
from core.data.shelf import Shelf
from core.errors import ExplainerError
from models.llama import MOST_CONFIG, load_llama, read_json

FOLDER = "GLASSNET_MODELS"
MOST_TOKENS = 512  # of a text: all maps are kept, and grow with its square
COURSE = "course"


@dataclass(frozen=True, eq=False)
class Subject:
    """A transformer in float64, only ever read. `key` tells it from all others; `course` says how it was trained, if that is known.

    The task's vocabulary names its tokens. `read` gives a language model's tokens of a text.
    """

    key: str
    model: nn.Module
    task: Task
    course: Course | None = None
    record: Mapping[str, Any] | None = None
    read: Callable[[str], list[int]] | None = None

    @property
    def title(self) -> str:
        """What the page calls it."""
        return self.task.title

    @property
    def kind(self) -> str:
        """Encoder, decoder or both."""
        return self.model.shape.kind

    def sample(self, spec: AttentionHeatmapSpec) -> Sample:
        """The typed tokens, or the task's example, with their answers.

        Raises:
            ExplainerError: the tokens do not fit the task, or the text is too long for the model.
        """
        if self.read is None:
            return self.task.solve(self.task.encode(spec.text.strip() or self.task.example))
        tokens = self.read(spec.prompt if spec.source == "folder" else spec.text.strip() or self.task.example)
        if not 1 <= len(tokens) <= self.task.longest:
            raise ExplainerError(
                f"this text has {len(tokens)} tokens, and {self.title} is shown with 1 to {self.task.longest}; type a shorter text"
            )
        return self.task.solve(torch.tensor([tokens]))


@lru_cache(maxsize=len(COURSES))
def of_task(task: str) -> Subject:
    """The transformer that ships for a task."""
    ship = shipped(task)
    return Subject(task, in_float64(task), ship.course.about(), ship.course, ship.record, reader(ship.course.about()))


def reader(task: Task) -> Callable[[str], list[int]] | None:
    """How a language model of ours reads a text; None for a task whose right alignment is known."""
    return None if task.scored else lambda text: task.encode(text)[0].tolist() if text else []


# Trained here


def named(course: Course) -> np.ndarray:
    """A course as text in an array: what a snapshot carries, so that its weights can be put to use."""
    return np.array(json.dumps(dataclasses.asdict(course)))


def keep(arrays: Mapping[str, Any]) -> str:
    """Keep the transformer of a snapshot for a while; the key that names it."""
    weights = {name: np.asarray(values) for name, values in arrays.items() if name.startswith("weights ")}
    return TRAINED.keep(save({**weights, COURSE: np.frombuffer(str(arrays[COURSE]).encode(), np.uint8)}))


def _of_snapshot(content: bytes) -> Subject:
    arrays = load(content)
    course = Course(**json.loads(arrays.pop(COURSE).tobytes()))
    model = trained(course, arrays).double().requires_grad_(False)
    return Subject(
        f"own {hashlib.sha256(content).hexdigest()}", model, course.about(), course, read=reader(course.about())
    )


TRAINED = Shelf(_of_snapshot, most=16)


# From a folder


def listed() -> dict[str, Path]:
    """The models of the folder: name -> its folder, in order of their names."""
    named = os.environ.get(FOLDER)
    root = Path(named).expanduser() if named else None
    if root is None or not root.is_dir():
        return {}
    places = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    return {path.name: path for path in places if (path / "config.json").is_file()}  # a model's folder itself will do


def from_folder(name: str) -> Subject:
    """The language model of that name, read once as long as its files stay as they are.

    Raises:
        ExplainerError: there is no such model, or its files cannot be used.
    """
    path = listed().get(name)
    if path is None:
        raise ExplainerError(f"there is no model {name[:40]!r} in the folder that {FOLDER} names; choose another")
    files = sorted(p for p in path.iterdir() if p.is_file())[:100]
    return _loaded(path, tuple((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in files))


@lru_cache(maxsize=2)
def _loaded(path: Path, _files: tuple[tuple[str, int, int], ...]) -> Subject:
    config = read_json(path / "config.json", MOST_CONFIG)
    if "dim" not in config:
        from core.attention_heatmap.hub import opened

        model, words, read, special = opened(path, config)
        return _language(path.name, model, words, read, special)
    model = load_llama(path).double()
    begin = config.get("bos_id", 1)
    if not isinstance(begin, int) or not 0 <= begin < model.shape.vocabulary:
        raise ExplainerError(f"config.json says bos_id {str(begin)[:20]!r}; it must be the number of a token")
    tokenizer = ScoredTokens.read(path, model.shape.vocabulary, begin)
    return _language(path.name, model, [shown(t) for t in tokenizer.tokens], tokenizer.encode, ())


def _language(
    name: str, model: nn.Module, words: list[str], read: Callable[[str], list[int]], special: tuple[int, ...]
) -> Subject:
    """A language model as a subject; `special` tokens of a model that reads both ways are not asked for."""
    ahead = model.shape.kind == "decoder"

    def answers(tokens: Tensor) -> Sample:
        targets = tokens.roll(-1, 1) if ahead else tokens.clone()
        gone = (
            torch.arange(tokens.shape[1]) == tokens.shape[1] - 1 if ahead else torch.isin(tokens, torch.tensor(special))
        )
        nowhere = torch.zeros(*tokens.shape, tokens.shape[1], dtype=torch.bool)
        return Sample(tokens, targets.masked_fill(gone, IGNORED), nowhere)

    help = "Say the next token" if ahead else "Say the token that stands here"
    longest = min(MOST_TOKENS, model.shape.length)
    task = Task(name, name, tuple(words), longest, 1, longest, _undrawn, answers, help, leftward=True)
    return Subject(f"folder {name} {id(model)}", model, task, read=read)


def _undrawn(*_: object) -> NoReturn:
    raise ExplainerError("a language model has no examples of its own; type a text")


# Which one


def resolved(spec: AttentionHeatmapSpec) -> tuple[AttentionHeatmapSpec, str]:
    """The Spec with a transformer that can be had, and, where another was asked for, why it is not shown."""
    try:
        subject(spec)
    except ExplainerError as problem:
        spec, why = dataclasses.replace(spec, source="task", own=""), str(problem)
        return (
            spec,
            f"{why[0].upper()}{why[1:]}. Shown instead: {shipped(spec.task).course.about().title}, the transformer that ships.",
        )
    return spec, ""


def subject(spec: AttentionHeatmapSpec) -> Subject:
    """The transformer of the Spec.

    Raises:
        ExplainerError: it is not here, or its files cannot be used.
    """
    if spec.source == "folder":
        if not (names := list(listed())):
            raise ExplainerError(
                f"no language model is here; put a folder with config.json, model.pt and tokenizer.json into a folder of models, and name that one in {FOLDER} before the start"
            )
        return from_folder(spec.folder if spec.folder in names else names[0])
    if not spec.own:
        return of_task(spec.task)
    own = TRAINED.get(spec.own)
    if own is None or own.task.name != spec.task:
        raise ExplainerError("the transformer that was trained here is no longer kept; train it again")
    return own
