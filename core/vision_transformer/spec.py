"""What the visitor chooses: a network, a picture, a layer, a head and a patch; and the network that learns live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

DATA = {"digits": "Handwritten digits", "shapes": "Planted shapes (hybrid)", "photographs": "Photographs (ViT-B/16)"}
SIDES = {"above": "As above", "1": "1", "2": "2", "4": "4", "8": "8"}
PICTURES = 48  # test pictures to choose from
VIEWS = {"attention": "Attention", "rollout": "Rollout", "grad_cam": "Grad-CAM"}
LENSES = {
    "tokens": "Patches to tokens",
    "heads": "Heads and their reach",
    "evidence": "Rollout and Grad-CAM",
    "positions": "Position embeddings",
    "broken": "Drop and shuffle patches",
    "training": "Train one",
    "hunger": "How many pictures?",
}
CLASS_TOKEN, MEAN = -1, -1  # as `query` and as `head`
MOST_PATCHES = 196


@dataclass(frozen=True)
class VisionTransformerSpec(Spec):
    """Everything that the page's pictures depend on, but for a visitor's own picture."""

    SLUG: ClassVar[str] = "vision_transformer"

    data: str = param("digits", "Pictures", options=DATA)
    grid: str = param(
        "4", "Patches along a side", max_length=2, hidden=True, help="More patches are smaller patches, and more tokens"
    )
    positions: bool = param(True, "Position embeddings", help="Without them the network cannot tell where a patch lay")
    picture: int = param(
        0, "Picture", low=0, high=PICTURES - 1, help="Test pictures: no network saw them while it learned"
    )
    view: str = param("attention", "Lay over the picture", options=VIEWS)
    layer: int = param(-1, "Layer", low=-1, high=11, hidden=True)  # -1: the last
    head: int = param(MEAN, "Head", low=-1, high=11, hidden=True)
    query: int = param(CLASS_TOKEN, "Patch that looks", low=-1, high=MOST_PATCHES - 1, hidden=True)
    overlay: float = param(
        0.7, "Overlay", low=0.0, high=1.0, step=0.05, help="0: the grey picture alone; 1: the map alone"
    )
    lens: str = param("tokens", "Look closer", options=LENSES)
    drop: float = param(
        0.5, "Patches left out", low=0.0, high=0.95, step=0.05, help="A share, drawn at random; the class token stays"
    )
    cells: str = param(
        "4",
        "Pieces along a side",
        options={"1": "1: not shuffled", "2": "2", "4": "4", "8": "8"},
        help="The picture is cut into so many pieces along a side, and they are shuffled",
    )
    seed: int = param(
        0, "Seed", low=0, high=9999, help="Of what is drawn: patches left out, orders, first weights, batches"
    )
    own: str = param("", "Your own picture", max_length=22, hidden=True)
    side: str = param(
        "above",
        "Side of a patch",
        options=SIDES,
        unit="px",
        help="Of the network that learns: a picture of 8 pixels is cut into 64, 16, 4 patches, or is one",
    )
    depth: int = param(2, "Layers", low=1, high=4)
    heads: str = param("3", "Heads", options={str(h): str(h) for h in (1, 2, 3, 4, 6)}, help="They share the width 24")
    rate: float = param(
        0.003, "Learning rate", low=1e-4, high=0.1, log=True, help="Of AdamW, after a warm-up and before a cosine"
    )
    epochs: int = param(15, "Epochs", low=1, high=60, unit="passes")


TRAINING = ("side", "depth", "heads", "rate", "epochs", "seed")


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "A digit as a sentence of 16 patches", "Cut, embed, attend, read: what the class token looks at, head by head.", ("vision transformer", "ViT", "patch embedding", "self-attention", "image classification")),
    _preset("evidence", "Where is the shape? Three maps, one truth", "Attention of the last layer, rollout and Grad-CAM on tokens, scored against the pixels of the planted shape.", ("attention rollout", "grad-cam", "explainable AI", "class activation map", "intersection over union"), data="shapes", grid="8", view="rollout", lens="evidence", picture=1),
    _preset("shuffle", "Shuffled pictures", "Patches in the wrong order: what is left of a transformer, and of a convolutional network.", ("permutation invariance", "robustness", "vision transformer vs cnn", "patch shuffle"), lens="broken", drop=0.3),
    _preset("unordered", "A transformer that sees a bag of patches", "No position embeddings: any order of the patches gives the same answer, to the last digit.", ("positional encoding", "bag of patches", "permutation invariance"), positions=False, lens="positions", picture=3),
    _preset("positions", "Did it find the grid?", "Nobody told the network which patches are neighbours. Do its position embeddings say so?", ("position embedding", "cosine similarity", "learned positions"), data="shapes", grid="8", lens="positions"),
    _preset("heads", "Heads that look near and far", "How far each head looks, layer by layer, as in figure 7 of the paper.", ("attention heads", "attention distance", "multi-head attention"), data="shapes", grid="8", lens="heads", picture=4, query=27),
    _preset("hunger", "How many pictures does it need?", "A transformer and a convolutional network with as many weights, trained on more and more digits.", ("data efficiency", "inductive bias", "vision transformer vs cnn", "learning curve"), lens="hunger"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A picture becomes a sentence", "The picture is cut into patches. Each is multiplied by one matrix and becomes a vector, a token; a class token is put before them. Play the film to see the sentence being written.", {}),
    TourStop("Who looks where", "Each small picture is a head of a layer: how the class token shares out its attention. Click another one, then click a patch of the large picture: now that patch looks.", {"query": 5, "lens": "heads"}),
    TourStop("Through all layers", "Attention of one layer says little about the pixels, for the tokens below have already mixed. Rollout multiplies the layers' attention; Grad-CAM asks the gradient. Here the right answer is known.", {"data": "shapes", "grid": "8", "view": "rollout", "lens": "evidence", "picture": 1}),
    TourStop("Where a patch lay", "Each small map compares one position embedding with all others. Nobody told the network which patches are neighbours; the curve says whether it found out.", {"data": "shapes", "grid": "8", "lens": "positions"}),
    TourStop("Without positions", "Take the position embeddings away: shuffle the patches as you like, the logits stay the same to the last digit.", {"lens": "positions", "positions": False}),
    TourStop("Leave patches out", "A transformer takes a sentence of any length, so patches can simply be left out. The curves compare it with a convolutional network, for which they are painted grey.", {"lens": "broken"}),
    TourStop("Train one", "Choose layers, heads and rate, and press start. The loss stands still at first and then falls.", {"lens": "training"}),
)  # fmt: skip
