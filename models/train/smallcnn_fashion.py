"""The small network on Fashion-MNIST: 60,000 pictures for training, 10,000 for the test."""

from models.train.common import Recipe, asked, tensors, train

NAME = "smallcnn-fashion"
RECIPE = Recipe(epochs=5, rate=0.1, flip=True, bf16=True)
SCRIPT = "models/train/smallcnn_fashion.py"
DATA = "Fashion-MNIST: all official training pictures; tested on the official test set"

if __name__ == "__main__":
    folder, recipe = asked(__doc__, RECIPE)
    train(NAME, tensors(NAME, "fashion-mnist", folder), recipe, SCRIPT, DATA)
