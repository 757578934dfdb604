"""TinyVGG on 1,000 CIFAR-10 training pictures of each class, from their labels alone."""

from models.train.common import Recipe, asked, tensors, train

NAME = "tinyvgg-cifar10"
RECIPE = Recipe(epochs=25, rate=0.03, shift=3, flip=True, bf16=True)
SCRIPT = "models/train/tinyvgg_cifar10.py"
DATA = "CIFAR-10: the first 1,000 training pictures of each class; tested on the first 1,000 pictures of the official test set"

if __name__ == "__main__":
    folder, recipe = asked(__doc__, RECIPE)
    train(NAME, tensors(NAME, "cifar10", folder, each_class=1000, tested=1000), recipe, SCRIPT, DATA)
