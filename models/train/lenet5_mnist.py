"""LeNet-5 on MNIST: 60,000 pictures for training, 10,000 for the test."""

from models.train.common import Recipe, asked, tensors, train

NAME = "lenet5-mnist"
RECIPE = Recipe(epochs=6, rate=0.05, shift=2)
SCRIPT = "models/train/lenet5_mnist.py"
DATA = "MNIST: all official training pictures; tested on the official test set"

if __name__ == "__main__":
    folder, recipe = asked(__doc__, RECIPE)
    train(NAME, tensors(NAME, "mnist", folder), recipe, SCRIPT, DATA)
