"""What the visitor chooses: a network, a picture, a layer and a map; and the small network that learns live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.convolution.trained import TITLES

PICTURES = 32  # examples to choose from
LENSES = {
    "inside": "Inside one map",
    "field": "What a cell sees",
    "filters": "Filters",
    "statistics": "Statistics",
    "training": "Train one and watch",
}
SCALINGS = {"map": "Each map", "layer": "The layer", "network": "The network"}
LESSONS = {
    "digits": "Handwritten digits",
    "shapes": "Generated shapes",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
}
TRAINING = ("lesson", "blocks", "width", "kernel", "pool", "batch_norm", "rate", "epochs", "probe", "seed")


@dataclass(frozen=True)
class ConvFiltersSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "conv_filters"

    network: str = param("smallcnn-shapes", "Network", options=TITLES)
    picture: int = param(
        0, "Picture", low=0, high=PICTURES - 1, step=1, help="Which of the example pictures the network looks at"
    )
    layer: str = param("", "Layer", max_length=60, hidden=True, help="Empty: the first layer after an activation")
    own: str = param("", "Your own picture", max_length=22, hidden=True)  # a key of core.data.own
    unit: int = param(-1, "Map", low=-1, high=4095, hidden=True)  # -1: the one with the largest value
    cell: int = param(-1, "Cell", low=-1, high=99999, hidden=True)  # row by row; -1: the one with the largest value
    scaling: str = param(
        "layer",
        "Colours reach to the largest value of",
        options=SCALINGS,
        help="Each map by itself shows its pattern, however faint; one scale for all shows which maps are strong",
    )
    lens: str = param("inside", "Look closer", options=LENSES)
    lesson: str = param(
        "digits", "Pictures to learn from", options=LESSONS, help="The last three need a folder named in GLASSNET_DATA"
    )
    blocks: int = param(2, "Blocks", low=2, high=4, help="Each has a convolution, ReLU and pooling")
    width: int = param(8, "Filters in the first block", low=4, high=24, step=4, help="Each block doubles the number")
    kernel: int = param(5, "Kernel size", low=3, high=7, step=2, unit="pixels")
    batch_norm: bool = param(True, "Batch-norm", help="Brings every map to mean 0 and spread 1 before the ReLU")
    pool: str = param("max", "Pooling", options={"max": "Largest", "avg": "Mean", "stride": "None: stride 2"})
    rate: float = param(0.005, "Learning rate", low=1e-4, high=1.0, log=True, help="Of Adam")
    epochs: int = param(4, "Epochs", low=1, high=30, unit="passes")
    probe: int = param(
        3, "Class of the picture in the film", low=0, high=9, help="The first test picture of this class"
    )
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights, and the order of the pictures")


EXAMPLES: tuple[Example, ...] = (
    Example("start", "Shapes: every map of a trained network", "What each filter of each layer makes of one picture.", {}, ("feature map", "convolutional neural network", "filter", "hierarchy", "image classification")),
    Example("first_filters", "The first layer's filters in colour", "Edges and colours: the filters next to the picture are like those of classic image processing.", {"layer": "features.conv1", "lens": "filters"}, ("kernel", "filter", "edge detection", "sobel", "fourier transform")),
    Example("digits_edges", "LeNet-5 reads a digit", "The network of 1998 on a digit that it never saw: strokes, then ends and corners.", {"network": "lenet5-mnist", "layer": "act1", "picture": 2}, ("lenet", "mnist", "handwritten digits", "feature map")),
    Example("clothes_dead", "Which maps say nothing?", "Means, shares of zeros and largest values over all example pictures.", {"network": "smallcnn-fashion", "layer": "features.relu2", "lens": "statistics"}, ("sparsity", "statistics of maps", "fashion-mnist")),
    Example("deep_resnet", "Deep inside ResNet-20", "Maps of 8 by 8 cells after seventeen convolutions: few are easy to name.", {"network": "resnet20-cifar10", "layer": "stage3.0.conv2"}, ("resnet", "residual network", "deep layers", "cifar-10", "abstraction")),
    Example("one_scale", "One colour scale for the whole network", "The same maps, each by the network's largest value: which layers speak loudly?", {"network": "tinyvgg-cifar10", "layer": "relu1_2", "scaling": "network"}, ("activation scale", "vgg", "normalisation")),
    Example("cell_sees", "How far does a cell see?", "The box that counting allows, and the gradient that is measured: most of the box hardly counts.", {"network": "resnet20-cifar10", "layer": "stage2.1.relu2", "lens": "field"}, ("receptive field", "effective receptive field", "gradient")),
    Example("watch_training", "Watch filters being learned", "From noise to strokes in a few seconds, with a film to scrub.", {"lens": "training"}, ("training", "live training", "filter learning", "accuracy", "adam", "cnn")),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("One picture, many maps", "Each column is a layer, each small picture one map: what one filter makes of the picture. Left: the picture's outlines are still there. Right: small, coarse, and few of them lit.", {}),
    TourStop("A map is a sum", "Click any small picture. Below it is taken apart: each input map is slid over by a kernel of its own, and the answers are added. The sum is the map, to the last digit.", {"layer": "features.conv2", "unit": 0}),
    TourStop("What the filters are like", "The first layer's kernels see colours. Which classic filter is each one nearest to, and turned which way? The table says, with the correlation.", {"layer": "features.conv1", "lens": "filters"}),
    TourStop("How far does it see?", "The green box is what one cell of this map can see of the picture; the glow is what moves it. Click another cell of the enlarged map.", {"network": "resnet20-cifar10", "layer": "stage2.1.relu2", "lens": "field"}),
    TourStop("Scale matters", "With a scale for each map everything looks busy. Now choose 'The network' as the scale: most maps go dark.", {"scaling": "map"}),
    TourStop("Which maps are idle", "Over all example pictures: the mean, the share of exact zeros, the largest value. A map with one value everywhere is dead, and no picture wakes it.", {"network": "smallcnn-fashion", "layer": "features.relu2", "lens": "statistics"}),
    TourStop("Now train one", "Press start. Noise turns into strokes while accuracy rises. When it is done, scrub the film: most of the change is at the beginning.", {"lens": "training"}),
)  # fmt: skip
