"""Neural networks for pictures, one family a file, and MODELS, their registry.

>>> from models import MODELS, load
>>> load("lenet5-mnist")(MODELS["lenet5-mnist"].normalise(pictures))
"""

from models.catalogue import MODELS, Model, known, load
from models.lenet import LeNet5
from models.pretrained import PRETRAINED, Pretrained, available, fetching, load_pretrained, look
from models.resnet import ResNet
from models.smallcnn import SmallCNN
from models.surgery import separate_activations
from models.tinyvgg import TinyVGG

__all__ = [
    "MODELS",
    "PRETRAINED",
    "LeNet5",
    "Model",
    "Pretrained",
    "ResNet",
    "SmallCNN",
    "TinyVGG",
    "available",
    "fetching",
    "known",
    "load",
    "load_pretrained",
    "look",
    "separate_activations",
]
