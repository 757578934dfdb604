"""The closer looks below the picture, as data: sentences, formulas, figures and a table for each lens of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.attribution import chance_iou
from core.contracts import Figure, Step, View
from core.plots.words import short
from core.vision_transformer import compute
from core.vision_transformer import figures as draw
from core.vision_transformer.code import checked
from core.vision_transformer.compute import (
    CUTS,
    SHARES,
    broken,
    distances,
    distances_of,
    entropy,
    evidence,
    network,
    reach,
    spoiled,
    trap,
    view_of,
)
from core.vision_transformer.spec import TRAINING, VisionTransformerSpec
from core.vision_transformer.training import SIZE, report, shipped_hunger, side_of, untrained
from models.fitting import Rule
from models.pretrained import PRETRAINED
from models.storage import manifest
from models.vits import HUNGER_RULE, PART, SIZES, load_cnn

NAMES = {"vit": "ViT", "cnn": "CNN"}


def who(view: compute.View) -> str:
    """The token that looks."""
    return "the class token" if view.query < 0 else f"patch {view.query + 1}"


def about(view: compute.View) -> str:
    """One paragraph about network and answer."""
    variant, seen = view.variant, view.seen
    found = f"**{view.classes[view.answer]}** with {100 * seen.probabilities[view.answer]:.1f} %"
    L, H, T, _ = seen.A.shape
    cut = " (cut from the maps of three convolutional blocks: a hybrid)" * variant.stemmed
    return (
        f"{variant.grid} × {variant.grid} patches of {variant.patch} × {variant.patch} pixels{cut} and one class token: a sentence of {T} tokens of "
        f"{seen.z.shape[-1]} numbers, {L} layers of {H} heads, {sum(p.numel() for p in network(variant).parameters()):,} weights. {known_accuracy(view)}. Here {view.scene.words}; the network says {found}."
    )


def known_accuracy(view: compute.View) -> str:
    """How often the network is right, in a sentence without its stop."""
    if name := view.variant.pictures.pretrained:
        return f"On ImageNet's own pictures torchvision reports {PRETRAINED[name].test_accuracy:.1%} right answers"
    record = manifest(PART)[view.variant.name]
    return f"It is right on {100 * record['test_accuracy']:.1f} % of {record['test_pictures']} test pictures"


def looking(view: compute.View) -> str:
    """What the large map shows, with its numbers."""
    if view.spec.view == "grad_cam":
        return f"Grad-CAM for *{view.classes[view.answer]}*, at the tokens that enter layer {view.layer + 1}."
    if view.spec.view == "rollout":
        row = compute.rollout(view.seen.A)[view.query + 1]
        return f"Rollout through all {view.layers} layers: {100 * row[1:].sum():.0f} % of {who(view)} comes from patches, {100 * row[0]:.0f} % from the class token."
    row = view.weights()
    which = "mean over the heads" if view.head < 0 else f"head {view.head + 1}"
    return (
        f"Layer {view.layer + 1}, {which}: {who(view)} gives {100 * row[1:].sum():.0f} % of its attention to patches and {100 * row[0]:.0f} % to the class token; "
        f"most, {100 * row[1:].max():.1f} %, to patch {int(row[1:].argmax()) + 1}."
    )


def tokens(view: compute.View) -> View:
    """Equation 1: shapes, filters, and the film."""
    net, about_ = network(view.variant), view.variant.pictures
    P, (_, d) = view.variant.grid**2, view.seen.z[0].shape
    C, n = about_.channels, net.embedding.in_features
    cut = f"{n // net.patch**2} maps of the stem" if view.variant.stemmed else "picture"
    rows = [
        _row("picture x", C, about_.size, about_.size),
        *([_row("maps of the stem", n, view.variant.grid, view.variant.grid)] if view.variant.stemmed else []),
        _row("patches x_p", P, n),
        _row("embedding E", n, d),
        *([_row("position embeddings E_pos", P + 1, d)] if view.variant.positions else []),
        _row("tokens z₀", P + 1, d),
        _row("attention weights of all layers and heads", *view.seen.A.shape),
    ]
    words = [
        f"The {cut} is cut into {P} patches. Each patch, its {n} numbers in a row, is multiplied by the matrix E and becomes a token of {d} numbers: "
        f"the film writes them one after another. A filter is a column of E; a token's number says how much the patch resembles it. "
        "Smaller patches see finer detail, and cost: attention grows with the square of the number of tokens."
    ]
    if view.variant.stemmed:
        words.append(
            "These patches are not cut from the pixels: three convolutional blocks, trained before, make 64 maps of 8 × 8 cells, and each cell is a patch. "
            "A cell stands for 8 × 8 pixels, and has seen a few more around them. So the transformer is spared to learn what edges are."
        )
    E = net.embedding.weight.numpy()
    figures = {
        "sentence": draw.sentence(view.scene.picture(), view.seen.z[0], view.variant.grid),
        "filters": draw.matrix(E) if view.variant.stemmed else draw.filters(E.reshape(d, -1, net.patch, net.patch)),
    }
    return View(words, figures=figures, rows=rows)


def _row(what: str, *shape: int) -> dict[str, Any]:
    return {"what": what, "shape": " × ".join(map(str, shape)), "numbers": int(np.prod(shape))}


def heads(view: compute.View) -> View:
    """How far and how evenly each head looks."""
    A, far = view.seen.A, distances(view.variant)
    D, S = reach(A, far), entropy(A)
    T = A.shape[-1]
    rows = [
        {"layer": k + 1, "head": h + 1, "reach [px]": f"{D[k, h]:.2f}", "entropy [bit]": f"{S[k, h]:.2f}", "class token on itself": f"{A[k, h, 0, 0]:.3f}"}
        for k in range(A.shape[0])
        for h in range(A.shape[1])
    ]  # fmt: skip
    near, wide = (np.unravel_index(int(f(D)), D.shape) for f in (np.argmin, np.argmax))
    words = [
        f"Head {near[1] + 1} of layer {near[0] + 1} looks nearest, {short(float(D[near]))} pixels away on average; head {wide[1] + 1} of layer {wide[0] + 1} farthest, "
        f"{short(float(D[wide]))}. A head that looks everywhere alike would reach {short(float(far.mean()))} pixels. A convolution of 3 × 3 never looks farther than one step; attention may look "
        "across the whole picture in its first layer already."
    ]
    figures = {
        "reach": draw.scattered(
            D, "Reach: the mean distance to what patches attend to", "reach [px]", float(far.mean()), "even attention"
        ),
        "entropy": draw.scattered(S, "Entropy of the attention", "entropy [bit]", float(np.log2(T)), "even attention"),
    }
    return View(words, figures=figures, rows=rows)


def where(view: compute.View) -> View:
    """Three maps of where the network looked, scored if the answer is known."""
    found, mask = evidence(view), view.scene.truth()
    rows: list[Mapping[str, Any]] = [
        {"map": e.title, "IoU with the shape": "unknown" if e.iou is None else f"{e.iou:.3f}"} for e in found
    ]
    if mask is not None:
        rows.append({"map": "pixels chosen blindly", "IoU with the shape": f"{chance_iou(mask):.3f}"})
        best = max(found, key=lambda e: e.iou)
        score = f"As many of the highest pixels as the shape has are compared with it: **{best.title}** agrees best, IoU {best.iou:.2f}; pixels chosen blindly get {chance_iou(mask):.2f}."
    else:
        score = "Nobody knows where it ought to look on this picture; choose *Planted shapes* for pictures with a known answer."
    words = [
        score,
        "Attention says which tokens were mixed, not what was made of them; rollout follows the mixing through all layers but ignores the values and the MLPs, and is the same for "
        "every class. Grad-CAM asks the gradient of one class.",
        f"**A trap.** Grad-CAM at the *output* of the last layer is {trap(view):g} everywhere: only the class token is read there, so the logit has no slope by any patch. "
        "The layer to ask is the one whose tokens still go into an attention.",
    ]
    if not view.variant.pictures.pretrained:
        words.append("**Number check.** Largest difference between the page's numbers and the formulas written out (Code tab): "
        + "; ".join(f"{name} {value:.0e}" for name, value in checked(view).items()) + ".")  # fmt: skip
    marks = ["" if e.iou is None else f", IoU {e.iou:.2f}" for e in found]
    figures = {
        f"map{k}": draw.over_pixels(view.scene.picture(), e.map, mask, e.title, mark)
        for k, (e, mark) in enumerate(zip(found, marks, strict=True))
    }
    return View(words, figures=figures, rows=rows)


def positions(view: compute.View) -> View:
    """What the network knows about places."""
    in_picture, with_embedding = compute.change_by_order(view)
    moved = (
        f"**Another order.** With the patches of this picture in a random order, the largest change of a logit is {short(in_picture)}. "
        f"With the finished tokens in another order, position embeddings moving along, it is {with_embedding:.0e}: a transformer does not see where a token stands, only what it holds."
    )
    share = known_accuracy(view)
    if not view.variant.positions:
        bag = (
            f"This network has no position embeddings, but its stem saw the picture: convolutions know what is near what. {share}."
            if view.variant.stemmed
            else f"This network has no position embeddings, so both changes are only rounding: to it a picture is a *bag* of patches. {share} all the same, by what the patches hold."
        )
        return View([moved, bag])
    table = compute.likeness(network(view.variant))
    distance, cosine = compute.by_distance(table, distances(view.variant))
    words = [
        f"The embeddings started at random, and nobody said which patches are neighbours. Now those of direct neighbours have a mean cosine of **{short(float(cosine[1]))}**, "
        f"those of all pairs {short(float(table[~np.eye(len(table), dtype=bool)].mean()))}. {_verdict(cosine, table)}",
        moved,
    ]
    return View(words, figures={"likeness": draw.likeness(table), "distance": draw.by_distance(distance, cosine)})


def _verdict(cosine: np.ndarray, table: np.ndarray) -> str:
    """What the likeness of neighbours says."""
    if cosine[1] > table[~np.eye(len(table), dtype=bool)].mean() + 0.1:
        return "So the network found out what is near what."
    return "So these embeddings tell the places apart, but the grid is not to be seen in them: that of the paper came with millions of pictures."


def _weights(data: str) -> int:
    """Of the convolutional network for these pictures."""
    return sum(p.numel() for p in load_cnn(data).parameters())


def breaking(view: compute.View) -> View:
    """Patches left out and shuffled, on this picture and on the test part."""
    spec = view.spec
    picture, p = spoiled(view)
    cells = int(spec.cells)
    P = view.variant.grid**2
    gone = min(P - 1, round(spec.drop * P))
    said = view.classes[int(p.argmax())]
    words = [
        f"The picture on screen with {gone} of {P} patches left out"
        + (f" after its {cells * cells} pieces were shuffled" if cells > 1 else "")
        + f": the network says **{said}** with {100 * p.max():.1f} %."
    ]
    title = f"{gone} of {P} patches left out, {cells * cells} pieces shuffled; the network says {said}"
    figures = {"broken": draw.spoiled(picture, title)}
    if view.variant.pictures.pretrained:
        words.append("Curves over many pictures are measured for the digits and the shapes.")
        return View(words, params=["drop", "cells", "seed"], figures=figures)
    found = broken(view.variant, spec.seed)
    words[0] += (
        f" The curves are measured on {found.pictures} test pictures; the convolutional network has "
        f"{_weights(spec.data):,} weights{' and learned from the same pictures' * (spec.data == 'digits')}."
    )
    if not view.variant.positions and not view.variant.stemmed:
        words.append(
            f"Without position embeddings the line of the ViT is level up to {P} pieces: pieces that are whole patches may lie anywhere."
        )
    figures |= {
        "dropped": draw.losses_of_patches(SHARES, found.dropped, 1 / len(view.classes), spec.drop),
        "shuffled": draw.losses_of_order(CUTS, found.shuffled, 1 / len(view.classes), cells),
    }  # fmt: skip
    rows = [
        {"patches left out": f"{100 * share:.0f} %", **{name: f"{100 * values[k]:.1f} %" for name, values in found.dropped.items()}}
        for k, share in enumerate(SHARES)
    ]  # fmt: skip
    return View(words, params=["drop", "cells", "seed"], figures=figures, rows=rows)


def trained(metrics: Mapping[str, Sequence[float]], table: np.ndarray) -> dict[str, Figure]:
    """The pictures of a training run so far; a picture that is one patch has no positions to compare."""
    epoch, share, shuffled = (
        np.asarray(metrics[name], float) for name in ("epoch", "test_accuracy", "shuffled_accuracy")
    )
    losses = {"training": np.asarray(metrics["train_loss"], float), "test": np.asarray(metrics["test_loss"], float)}
    shown = {"loss": draw.training(epoch, losses), "accuracy": draw.accuracy(epoch, share, shuffled)}
    if len(table) == 1:
        return shown
    far = distances_of(int(len(table) ** 0.5), SIZE)
    return {**shown, "likeness": draw.likeness(table), "distance": draw.by_distance(*compute.by_distance(table, far))}


def training(view: compute.View) -> View:
    """Before the first start: the untrained network."""
    side = side_of(view.spec)
    P = (SIZE // side) ** 2
    words = [
        f"A vision transformer of width 24 learns the 1,397 training digits, cut into {P} {'patch' if P == 1 else 'patches'} of {side} × {side} pixels, {'with' if view.spec.positions else 'without'} position embeddings. "
        f"Each head then compares {P + 1} tokens with each other: {(P + 1) ** 2:,} weights. "
        "Watch how long the loss stands still at first: the network has to find out by itself what is near what. "
        "The dashed curve is the position test: the same test digits with their patches in a random order. The lower it stays, the more the network has learned to use where a patch lies."
    ]
    return View(words, params=TRAINING)


def start(spec: VisionTransformerSpec) -> dict[str, Figure]:
    """The untrained network's pictures."""

    first = report(untrained(spec), spec, 0, Rule(1, spec.rate), float(np.log(10)))
    return trained({name: [value] for name, value in first.metrics.items()}, first.arrays["likeness"])


def hunger(view: compute.View) -> View:
    """What the project's own script measured; the job does it again under the visitor's seed."""
    table = shipped_hunger()
    few, all_ = ({name: f"{100 * table[k, j]:.1f} %" for j, name in enumerate(NAMES.values())} for k in (0, -1))
    words = [
        f"A vision transformer and a convolutional network of about as many weights, each trained for {HUNGER_RULE.steps} steps on the first digits of the training part. With {SIZES[0]} digits: "
        + ", ".join(f"{name} {share}" for name, share in few.items()) + f"; with {SIZES[-1]}: " + ", ".join(f"{name} {share}" for name, share in all_.items())
        + ". A convolution is told that neighbours belong together and that a pattern means the same everywhere; the transformer has to learn both from the pictures. "
        "These curves were measured by this project's script with seed 0. Measure them again with your seed:"
    ]  # fmt: skip
    return View(words, params=["seed"])


def hungry(table: np.ndarray) -> dict[str, Figure]:
    """The curves of a measurement so far."""
    return {"hunger": draw.hunger(SIZES, table, list(NAMES.values()))}


LENS: Mapping[str, Callable[[compute.View], View]] = {
    "tokens": tokens, "heads": heads, "evidence": where, "positions": positions, "broken": breaking, "training": training, "hunger": hunger,
}  # fmt: skip


def look(view: compute.View) -> View:
    """The view through the lens that the Spec names."""
    return LENS[view.spec.lens](view)


def worked(spec: VisionTransformerSpec) -> list[Step]:
    """The formulas with the numbers on screen."""
    view = view_of(spec)
    P, d = view.variant.grid**2, view.seen.z.shape[-1]
    A = view.seen.A[view.layer, max(view.head, 0), view.query + 1]
    z, p = view.seen.logits, view.seen.probabilities
    shown = ", ".join(f"{a:.4f}" for a in A[:4])
    return [
        Step("Equation 1", latex=[rf"z_0 \in \mathbb{{R}}^{{(1 + {P}) \times {d}}}, \qquad P = ({view.variant.pictures.size} / {view.variant.patch})^2 = {P}"]),
        Step(f"A row of attention (layer {view.layer + 1}, head {max(view.head, 0) + 1}, {who(view)})", latex=[rf"A = ({shown}, \dots), \qquad \textstyle\sum_k A_k = {A.sum():.6f}"]),
        Step("The answer", latex=[rf"p = \frac{{e^{{{z[view.answer]:.4f}}}}}{{\sum_c e^{{y_c}}}} = {p[view.answer]:.6f}"]),
    ]  # fmt: skip
