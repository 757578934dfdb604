"""One forward pass of a transformer with everything it did: weights, q, k, v, scores, residual stream, logits; and operations on it.

    ablate  the head's output z_h is 0 before the heads are concatenated
    force   rows of the head's weight matrix are replaced by given ones

The model is computed once, by its own program, with a Watch beside it: so without an operation the logits are model(tokens), to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.errors import ExplainerError, one_of
from models.attention import Watch

Place = tuple[int, int] | tuple[str, int, int]  # (layer, head) of the main maps, or (kind, layer, head)


@dataclass(frozen=True, eq=False)
class Maps:
    """All heads of one kind of attention: "encoder", "decoder" (self-attention), or "cross"."""

    weights: Float[Tensor, "*batch layer head query key"]
    scores: Float[Tensor, "*batch layer head query key"]
    q: Float[Tensor, "*batch layer head query dk"]
    k: Float[Tensor, "*batch layer head key dk"]
    v: Float[Tensor, "*batch layer head key dk"]
    z: Float[Tensor, "*batch layer head query dk"]  # weights @ v: what each head read


@dataclass(frozen=True, eq=False)
class Trace:
    """What a transformer did with its tokens. `main` names the maps that `weights` and its like show.

    `streams` names every state of the residual stream, (..., token, d), in order of computation; `hidden` holds the units of each
    feed-forward part, by stack and layer.
    """

    maps: Mapping[str, Maps]
    main: str
    streams: Mapping[str, Float[Tensor, "*batch _ d"]]
    hidden: Mapping[tuple[str, int], Float[Tensor, "*batch _ units"]]
    logits: Float[Tensor, "*batch token classes"]

    @property
    def weights(self) -> Float[Tensor, "*batch layer head query key"]:
        """Attention weights of the main maps: cross-attention where there is one."""
        return self.maps[self.main].weights

    @property
    def scores(self) -> Float[Tensor, "*batch layer head query key"]:
        """Scaled scores, -inf where a query may not look."""
        return self.maps[self.main].scores

    @property
    def q(self) -> Float[Tensor, "*batch layer head query dk"]:
        """Queries, as they met the keys."""
        return self.maps[self.main].q

    @property
    def k(self) -> Float[Tensor, "*batch layer head key dk"]:
        """Keys."""
        return self.maps[self.main].k

    @property
    def v(self) -> Float[Tensor, "*batch layer head key dk"]:
        """Values."""
        return self.maps[self.main].v

    @property
    def residual(self) -> Float[Tensor, "*batch state token"]:
        """Norms |x| of the residual stream: after the embedding, then after every part of every layer of the last stack."""
        stack = next(reversed(self.streams)).partition(".")[0]
        states = [x for name, x in self.streams.items() if name.startswith(f"{stack}.")]
        return torch.stack([x.norm(dim=-1) for x in states], -2)


class Tracer(Watch):
    """Records a forward pass, after it has ablated heads and forced rows of weights."""

    def __init__(
        self, ablate: Iterable[Place] = (), force: Mapping[Place, Tensor] | None = None, main: str = ""
    ) -> None:
        self.ablate = {_place(p, main) for p in ablate}
        self.force = {_place(p, main): rows for p, rows in (force or {}).items()}
        self.parts: dict[str, list[dict[str, Tensor]]] = {}
        self.streams: dict[str, Tensor] = {}
        self.units: dict[tuple[str, int], Tensor] = {}

    def weights(
        self, kind: str, layer: int, q: Tensor, k: Tensor, v: Tensor, scores: Tensor, weights: Tensor
    ) -> Tensor:
        for head in range(weights.shape[-3]):
            if (kind, layer, head) in self.force:
                weights = _forced(weights, head, self.force[kind, layer, head])
        self.parts.setdefault(kind, []).append({"q": q, "k": k, "v": v, "scores": scores, "weights": weights})
        return weights

    def heads(self, kind: str, layer: int, z: Tensor) -> Tensor:
        off = [head for at, where, head in self.ablate if (at, where) == (kind, layer)]
        if off:
            z = z.index_fill(-3, torch.tensor(off, device=z.device), 0.0)
        self.parts[kind][-1]["z"] = z
        return z

    def stream(self, name: str, x: Tensor) -> Tensor:
        self.streams[name] = x
        return x

    def hidden(self, kind: str, layer: int, h: Tensor) -> Tensor:
        self.units[kind, layer] = h
        return h

    def result(self, main: str, logits: Tensor) -> Trace:
        """What was recorded, the layers stacked."""
        maps = {kind: Maps(**{name: torch.stack([p[name] for p in parts], -4) for name in parts[0]}) for kind, parts in self.parts.items()}  # fmt: skip
        return Trace(maps, main, self.streams, self.units, logits)


def trace(
    model: nn.Module,
    tokens: Tensor | tuple[Tensor, Tensor],
    *,
    ablate: Iterable[Place] = (),
    force: Mapping[Place, Tensor] | None = None,
    mask: Tensor | None = None,
    temperature: float = 1.0,
    watch: type[Tracer] = Tracer,
) -> Trace:
    """Run the model, a models.transformer.Transformer or one with its interface, on `tokens` (..., token) and keep what it did. Gradients are recorded if they are where it is called.

    `ablate` names heads whose output is set to 0; `force` gives, for a head, the weights (query, key) that it must use: a row with a
    NaN stays the head's own. Heads are (layer, head) from 0, or (kind, layer, head) with kind encoder, decoder or cross.

    Raises:
        ExplainerError: a head does not exist, or forced weights have another shape than the head's.
    """
    main = main_maps(model)
    tracer = watch(ablate, force, main)
    _check(model, {*tracer.ablate, *tracer.force})
    logits = model(tokens, mask, temperature=temperature, watch=tracer)
    return tracer.result(main, logits)


def main_maps(model: nn.Module) -> str:
    """The kind of attention that answers "where did it look?": cross-attention where there is one."""
    return {"encoder": "encoder", "decoder": "decoder", "both": "cross"}[model.shape.kind]


def kinds(model: nn.Module) -> tuple[str, ...]:
    """The kinds of attention that the model has."""
    return ("encoder", "decoder", "cross") if model.shape.kind == "both" else (model.shape.kind,)


def _place(place: Place, main: str) -> tuple[str, int, int]:
    return (main, *place) if len(place) == 2 else tuple(place)


def _check(model: nn.Module, places: Iterable[tuple[str, int, int]]) -> None:
    shape = model.shape
    for kind, layer, head in places:
        if kind not in kinds(model) or not 0 <= layer < shape.layers or not 0 <= head < shape.heads:
            raise ExplainerError(
                f"there is no head {head} in layer {layer} of {kind}; kinds: {one_of(kinds(model))}, "
                f"layers 0 to {shape.layers - 1}, heads 0 to {shape.heads - 1}"
            )


def _forced(weights: Tensor, head: int, rows: Tensor) -> Tensor:
    """`weights` (..., head, query, key) with the rows of one head replaced where the given ones are not NaN."""
    rows = torch.as_tensor(rows).to(weights)
    if rows.shape[-2:] != weights.shape[-2:]:
        raise ExplainerError(
            f"forced weights are {tuple(rows.shape[-2:])}, the head's are {tuple(weights.shape[-2:])} (query, key)"
        )
    own = weights.select(-3, head)
    new = torch.where(rows.isnan().any(-1, keepdim=True), own, rows)
    return torch.cat([weights.narrow(-3, 0, head), new.unsqueeze(-3), weights.narrow(-3, head + 1, weights.shape[-3] - head - 1)], -3)  # fmt: skip
