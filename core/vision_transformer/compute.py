"""What a vision transformer sees: its tokens, its attention, three maps of where it looked, and what it loses with patches.

    rollout    R = A~_L ... A~_1,  A~_l = (mean_h A_l^h + I) / 2          Abnar and Zuidema 2020, section 3 (rows sum to 1)
    Grad-CAM   ReLU(sum_k alpha_k Z_k), alpha_k = mean_i dy_c / dZ_ik     Selvaraju et al. 2017, eq. 1 and 2, where Z_k(i), number k of
               the token of patch i, stands for map k: the tokens are laid back on the grid of patches
    reach      D_h = mean_q sum_k a_qk |q - k|, a_qk the attention of patch q to the patches k, scaled to sum 1
                                                                          Dosovitskiy et al. 2021, appendix D.7
    likeness   cos(E_pos^i, E_pos^j)                                      the same, figure 7

Distances are between the centres of patches, in pixels. Everything on screen is computed in float64, what a network of 86 million weights does in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from core.attribution import attribute, iou
from core.data.small_pictures import small_pictures
from core.rng import numpy_generator
from core.vision_transformer.scene import Scene, network, resolved, scene_of, variant_of
from core.vision_transformer.spec import CLASS_TOKEN, MEAN, VisionTransformerSpec
from models.attention import Watch
from models.vit import ViT
from models.vits import DATA, Variant, load_cnn, load_vit

Tokens = Float[np.ndarray, "T d"]
Weights = Float[np.ndarray, "L H T T"]
Grid = Float[np.ndarray, "h w"]
SHARES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)  # of the patches that are left out
CUTS = (1, 2, 4, 8)  # pieces along a side that are shuffled


@dataclass(frozen=True, eq=False)
class Seen:
    """One picture in the network: `A` (L, H, T, T) the attention, `z` (L + 1, T, d) the tokens before and after each block."""

    A: np.ndarray
    z: np.ndarray
    logits: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """(classes,)."""
        e = np.exp(self.logits - self.logits.max())
        return e / e.sum()


class Keep(Watch):
    """Keeps attention and tokens of one forward pass of a batch of one."""

    def __init__(self) -> None:
        self.A: list[Tensor] = []
        self.z: list[Tensor] = []

    def weights(
        self, kind: str, layer: int, q: Tensor, k: Tensor, v: Tensor, scores: Tensor, weights: Tensor
    ) -> Tensor:
        self.A.append(weights[0])
        return weights

    def stream(self, name: str, x: Tensor) -> Tensor:
        if name.endswith("feed"):
            self.z.append(x[0])
        return x


@torch.no_grad()
def watched(net: ViT, x: Tensor) -> Seen:
    """One picture (1, C, H, W) through the network."""
    keep = Keep()
    z0 = net.embed(x)
    logits = net.read(z0, keep)[0]
    return Seen(torch.stack(keep.A).numpy(), torch.stack([z0[0], *keep.z]).numpy(), logits.numpy())


def see(variant: Variant, scene: Scene) -> Seen:
    """The picture on screen in its network; of a large network few pictures are kept."""
    return (_seen_large if variant.pictures.pretrained else _seen)(variant, scene)


@lru_cache(maxsize=64)
def _seen(variant: Variant, scene: Scene) -> Seen:
    return watched(network(variant), scene.inputs())


@lru_cache(maxsize=3)
def _seen_large(variant: Variant, scene: Scene) -> Seen:
    return watched(network(variant), scene.inputs())


@dataclass(frozen=True, eq=False)
class View:
    """What is on screen: the network, its picture, and the layer, head and token that are looked at, all resolved."""

    spec: VisionTransformerSpec
    variant: Variant
    scene: Scene
    seen: Seen
    layer: int
    head: int
    query: int

    @property
    def classes(self) -> Sequence[str]:
        """In the order of the logits."""
        return self.variant.pictures.names

    @property
    def answer(self) -> int:
        """The class with the largest logit."""
        return int(self.seen.logits.argmax())

    @property
    def layers(self) -> int:
        """Blocks of the network."""
        return len(self.seen.A)

    def weights(self) -> Float[np.ndarray, " T"]:
        """The attention of the chosen token in the chosen layer and head (or the mean over the heads)."""
        A = self.seen.A[self.layer]
        return (A.mean(0) if self.head == MEAN else A[self.head])[self.query + 1]

    def on_grid(self, tokens: Float[np.ndarray, " T"]) -> Grid:
        """One number for each token -> those of the patches as rows and columns; the class token's is left out."""
        return tokens[1:].reshape(self.variant.grid, self.variant.grid)

    def map(self, kind: str) -> Grid:
        """What is laid over the picture: "attention", "rollout" or "grad_cam", a number for each patch."""
        if kind == "grad_cam":
            return token_cam(self.variant, self.scene, self.answer, cam_layer(self))
        return self.on_grid(self.weights() if kind == "attention" else rollout(self.seen.A)[self.query + 1])


def view_of(spec: VisionTransformerSpec, own: np.ndarray | None = None) -> View:
    """The Spec with everything resolved: pictures whose network is not here become the digits, a layer, head or patch that this network does not have becomes the last, all, the class token."""
    spec = resolved(spec)
    variant, scene = variant_of(spec), scene_of(spec, own)
    seen = see(variant, scene)
    L, H, T, _ = seen.A.shape
    layer = spec.layer if 0 <= spec.layer < L else L - 1
    head = spec.head if 0 <= spec.head < H else MEAN
    query = spec.query if 0 <= spec.query < T - 1 else CLASS_TOKEN
    return View(spec, variant, scene, seen, layer, head, query)


# --- where did it look ---


def rollout(A: Weights) -> Float[np.ndarray, "T T"]:
    """R: how much of each token (column) each token of the last layer (row) is made of, if attention alone mixed them."""
    R = np.eye(A.shape[-1])
    for layer in A.mean(1):
        R = (layer + np.eye(len(R))) / 2 @ R
    return R


def cam_layer(view: View) -> str:
    """Grad-CAM's layer: the tokens as they enter the chosen block's attention."""
    return f"stack.blocks.{view.layer}.norm_attention"


@lru_cache(maxsize=64)
def token_cam(variant: Variant, scene: Scene, target: int, layer: str) -> Grid:
    """Grad-CAM of a class, read at a layer of tokens: a number for each patch."""
    return grid_cam(network(variant), scene.inputs(), target, layer)


def grid_cam(net: ViT, x: Tensor, target: int, layer: str) -> Grid:
    """The same for any network and picture."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[0]

    handle = net.get_submodule(layer).register_forward_hook(keep)
    try:
        y = net(x)[0, target]
    finally:
        handle.remove()
    (slope,) = torch.autograd.grad(y, kept[0])
    Z, dZ = kept[0][0, 1:].detach(), slope[0, 1:]
    return (Z @ dZ.mean(0)).relu().reshape(net.grid, net.grid).numpy()


def enlarged(grid: Grid, size: int) -> Float[np.ndarray, "size size"]:
    """A number for each patch -> one for each pixel, bilinear as Grad-CAM's maps are."""
    return F.interpolate(torch.from_numpy(grid.copy())[None, None], (size, size), mode="bilinear")[0, 0].numpy()


@dataclass(frozen=True, eq=False)
class Evidence:
    """A map (height, width) of where the network looked, and how well its highest pixels cover the true mask."""

    title: str
    map: np.ndarray
    iou: float | None


def evidence(view: View) -> list[Evidence]:
    """The class token's attention in the chosen layer, its rollout, and Grad-CAM at that layer, all enlarged to the picture."""
    return list(_evidence(view.variant, view.scene, view.layer))


@lru_cache(maxsize=16)
def _evidence(variant: Variant, scene: Scene, layer: int) -> tuple[Evidence, ...]:
    view = View(VisionTransformerSpec(), variant, scene, see(variant, scene), layer, MEAN, CLASS_TOKEN)
    A, size = view.seen.A, variant.pictures.size
    cam = attribute(network(variant), scene.inputs(), view.answer, "grad_cam", cam_layer(view))[0, 0]
    maps = {
        f"Attention, layer {layer + 1}": enlarged(view.on_grid(A[layer].mean(0)[0]), size),
        "Rollout": enlarged(view.on_grid(rollout(A)[0]), size),
        f"Grad-CAM, layer {layer + 1}": cam,
    }
    mask = scene.truth()
    return tuple(Evidence(title, m, None if mask is None else iou(m, mask)) for title, m in maps.items())


def trap(view: View) -> float:
    """The largest Grad-CAM value at the output of the last block: 0, for nothing reads the patches there."""
    return float(token_cam(view.variant, view.scene, view.answer, f"stack.blocks.{view.layers - 1}").max())


# --- heads ---


def distances(variant: Variant) -> Float[np.ndarray, "P P"]:
    """Between the centres of patches, in pixels."""
    return distances_of(variant.grid, variant.pictures.size)


def distances_of(grid: int, size: int) -> Float[np.ndarray, "P P"]:
    """The same for a picture of `size` pixels with `grid` patches along a side."""
    at = np.stack(np.divmod(np.arange(grid**2), grid), 1) * (size // grid)
    return np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))


def reach(A: Weights, far: Float[np.ndarray, "P P"]) -> Float[np.ndarray, "L H"]:
    """D: how far a head looks on average, in pixels."""
    a = A[:, :, 1:, 1:]
    a = a / a.sum(-1, keepdims=True)
    return (a * far).sum(-1).mean(-1)


def entropy(A: Weights) -> Float[np.ndarray, "L H"]:
    """-sum_k A_qk log2 A_qk, the mean over all queries, in bits; log2 T if a head looks everywhere alike."""
    return -(A * np.log2(np.maximum(A, 1e-300))).sum(-1).mean(-1)


# --- position embeddings ---


def likeness(net: ViT) -> Float[np.ndarray, "P P"]:
    """Cosines between the position embeddings of the patches.

    A network without them gives zeros: its patches have no place.
    """
    P = net.grid**2
    if net.E_pos is None:
        return np.zeros((P, P))
    rows = net.E_pos[1:].detach()
    unit = rows / rows.norm(dim=1, keepdim=True)
    return (unit @ unit.T).numpy()


def by_distance(table: Float[np.ndarray, "P P"], far: Float[np.ndarray, "P P"]) -> tuple[np.ndarray, np.ndarray]:
    """Each distance that occurs, and the mean of the table's values at it."""
    found, where = np.unique(np.round(far, 9), return_inverse=True)
    where = where.reshape(-1)
    return found, np.bincount(where, table.ravel()) / np.bincount(where)


def change_by_order(view: View) -> tuple[float, float]:
    """The largest change of a logit when the patches of this picture stand in a random order: in the picture, and with their embeddings.

    With a stem the first is more than an order, for its convolutions see the seams. The second leaves every token as it was and moves it to another place of the sentence: no transformer notices.
    """
    return _changed(view.variant, view.scene, view.spec.seed)


@lru_cache(maxsize=64)
@torch.no_grad()
def _changed(variant: Variant, scene: Scene, seed: int) -> tuple[float, float]:
    net, x = network(variant), scene.inputs()
    order = torch.from_numpy(numpy_generator(seed, "order").permutation(variant.grid**2))
    moved = pieces_moved(x, variant.grid, order[None])
    z = net.embed(x)
    tokens_moved = torch.cat([z[:, :1], z[:, 1:][:, order]], 1)
    y = torch.from_numpy(see(variant, scene).logits)
    return float((net(moved)[0] - y).abs().max()), float((net.read(tokens_moved)[0] - y).abs().max())


# --- patches left out, and shuffled ---


def pieces_moved(x: Tensor, cells: int, order: Tensor) -> Tensor:
    """(N, C, S, S) cut into cells x cells pieces; piece k of the new picture is piece order[n, k] of the old one."""
    N, C, S, _ = x.shape
    s = S // cells
    pieces = x.reshape(N, C, cells, s, cells, s).permute(0, 2, 4, 1, 3, 5).reshape(N, cells**2, C, s, s)
    pieces = pieces[torch.arange(N)[:, None], order].reshape(N, cells, cells, C, s, s)
    return pieces.permute(0, 3, 1, 4, 2, 5).reshape(N, C, S, S)


def left_out(x: Tensor, grid: int, share: float, noise: np.ndarray) -> Tensor:
    """(N, P) True on the patches that are left out: the round(share P) of least noise, but never all of them."""
    P = grid**2
    gone = min(P - 1, round(share * P))
    return torch.from_numpy(noise.argsort(1).argsort(1) < gone)


def painted(x: Tensor, grid: int, gone: Tensor) -> Tensor:
    """The picture with the patches that are gone painted in its own mean colour."""
    s = x.shape[-1] // grid
    mask = gone.reshape(len(x), 1, grid, grid).repeat_interleave(s, 2).repeat_interleave(s, 3)
    return torch.where(mask, x.mean((2, 3), keepdim=True), x)


def without(net: ViT, x: Tensor, gone: Tensor) -> Tensor:
    """Logits when the tokens of the patches that are gone are not in the sentence at all; every picture loses as many."""
    z = net.embed(x)
    kept = (~gone).nonzero()[:, 1].reshape(len(x), -1) + 1
    rows = torch.arange(len(x))[:, None]
    return net.read(torch.cat([z[:, :1], z[rows, kept]], 1))


@dataclass(frozen=True, eq=False)
class Broken:
    """Shares of right answers. `dropped` is over SHARES for three treatments, `shuffled` over CUTS for two networks."""

    dropped: dict[str, np.ndarray]
    shuffled: dict[str, np.ndarray]
    pictures: int


TREATMENTS = ("ViT, tokens left out", "ViT, patches painted over", "CNN, patches painted over")
NETS = ("ViT", "CNN")


@lru_cache(maxsize=16)
@torch.no_grad()
def broken(variant: Variant, seed: int) -> Broken:
    """Both networks of these pictures on the test part, with patches left out and with pieces shuffled."""
    found = small_pictures(variant.data, "test")
    x, y = DATA[variant.data].normalise(torch.from_numpy(found.x)), torch.from_numpy(found.y)
    vit, cnn = network_single(variant), load_cnn(variant.data)
    noise = numpy_generator(seed, "dropped").random((len(x), variant.grid**2))
    dropped: dict[str, list[float]] = {name: [] for name in TREATMENTS}
    for share in SHARES:
        gone = left_out(x, variant.grid, share, noise)
        over = painted(x, variant.grid, gone)
        for name, logits in zip(TREATMENTS, (without(vit, x, gone), vit(over), cnn(over)), strict=True):
            dropped[name].append(right(logits, y))
    shuffled: dict[str, list[float]] = {name: [] for name in NETS}
    for cells in CUTS:
        moved = pieces_moved(x, cells, orders(len(x), cells, seed))
        for name, net in zip(NETS, (vit, cnn), strict=True):
            shuffled[name].append(right(net(moved), y))
    return Broken(
        {name: np.array(values) for name, values in dropped.items()},
        {name: np.array(values) for name, values in shuffled.items()},
        len(y),
    )


def orders(count: int, cells: int, seed: int) -> Tensor:
    """(count, cells^2): a random order of the pieces for each picture."""
    noise = numpy_generator(seed, "shuffled", str(cells)).random((count, cells**2))
    return torch.from_numpy(noise.argsort(1))


def right(logits: Tensor, y: Tensor) -> float:
    """Share of right answers."""
    return float((logits.argmax(1) == y).double().mean())


@lru_cache(maxsize=16)
def network_single(variant: Variant) -> ViT:
    """The trained network in float32, for whole test parts; shared."""
    return load_vit(variant).requires_grad_(False)


@torch.no_grad()
def spoiled(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The picture on screen, (channels, height, width) in 0..1, as the Spec breaks it, and what the network then answers, (classes,)."""
    spec, net, x = view.spec, network(view.variant), view.scene.inputs()
    cells = int(spec.cells)
    moved = pieces_moved(x, cells, orders(1, cells, spec.seed))
    gone = left_out(
        moved, view.variant.grid, spec.drop, numpy_generator(spec.seed, "dropped").random((1, view.variant.grid**2))
    )
    shown = DATA[spec.data].restore_colours(painted(moved, view.variant.grid, gone))[0]
    return shown.numpy(), without(net, moved, gone)[0].softmax(0).numpy()
