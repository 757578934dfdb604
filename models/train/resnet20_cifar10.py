"""ResNet-20 on 1,000 CIFAR-10 training pictures of each class, taught by a ResNet-20 that saw all 50,000.

The teacher (option A shortcuts, github.com/akamaster/pytorch_resnet_cifar10, BSD 2-clause) lies in cifar10-resnets/resnet20.pt of
the data folder and takes pictures normalised with ImageNet's mean and std. The labels themselves are not used: the
network learns the teacher's answers to pictures that are moved and mirrored anew in every epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from models.catalogue import MODELS
from models.resnet import ResNet
from models.train.common import Recipe, asked, tensors, train

NAME = "resnet20-cifar10"
RECIPE = Recipe(epochs=38, rate=0.2, shift=4, flip=True, bf16=True, planned=60, cooldown=10)
SCRIPT = "models/train/resnet20_cifar10.py"
DATA = "CIFAR-10: the first 1,000 training pictures of each class; tested on the first 1,000 pictures of the official test set"
OWES = (
    "distilled from a ResNet-20 (github.com/akamaster/pytorch_resnet_cifar10, BSD 2-clause, (c) 2018 Yerlan Idelbayev) that was "
    "trained on all 50,000 official training pictures, so these weights owe more than their own 10,000 pictures; neither "
    "network saw the test pictures"
)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OURS = {"conv1.": "conv.", "bn1.": "norm.", "layer": "stage", "linear.": "classifier."}  # the teacher's names -> ours


def teacher(folder: Path) -> Callable[[Tensor], Tensor]:
    """Pictures normalised for our network -> the teacher's logits."""
    theirs = torch.load(folder / "cifar10-resnets/resnet20.pt", weights_only=True)
    module = ResNet(n=3, shortcut="A")
    module.load_state_dict({renamed(key): value for key, value in theirs.items()})
    module = module.eval().to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))

    @torch.inference_mode()
    def answer(x: Tensor) -> Tensor:
        return module((MODELS[NAME].restore_colours(x) - mean) / std)

    return answer


def renamed(key: str) -> str:
    """`layer1.0.bn2.weight` -> `stage1.0.norm2.weight`."""
    for theirs, ours in OURS.items():
        if key.startswith(theirs):
            return (ours + key[len(theirs) :]).replace(".bn", ".norm")
    return key


if __name__ == "__main__":
    folder, recipe = asked(__doc__, RECIPE)
    train(
        NAME,
        tensors(NAME, "cifar10", folder, each_class=1000, tested=1000),
        recipe,
        SCRIPT,
        DATA,
        teacher=teacher(folder),
        owes=OWES,
    )
