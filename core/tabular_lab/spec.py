"""The tabular lab's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

DATA = {
    "diabetes": "Diabetes progression", "california": "California housing", "cancer": "Breast cancer", "wine": "Wine",
    "own": "Your own table",
}  # fmt: skip
MODELS = {"linear": "Linear baseline", "trees": "Gradient boosting", "single": "Single-layer net", "deep": "Deep net"}
METRICS = {"score": "Score", "loss": "Error"}
LENSES = {
    "size": "Learning curves over data size", "errors": "Where it errs", "importance": "Permutation importance",
    "leak": "Data leakage",
}  # fmt: skip
LEAKS = {"none": "None", "scaling": "Scaled on all rows", "target": "Target in a column"}
MOST_DEPTH = 4


@dataclass(frozen=True)
class TabularLabSpec(Spec):
    """Everything that the lab's pictures depend on."""

    SLUG: ClassVar[str] = "tabular_lab"

    data: str = param("diabetes", "Data", options=DATA)
    own: str = param("", "Uploaded table", max_length=64, hidden=True)
    target: str = param("", "Column to predict", max_length=60, hidden=True, help="All other columns are the inputs")
    depth: int = param(2, "Hidden layers of the deep net", low=1, high=MOST_DEPTH)
    width: int = param(32, "Units in a hidden layer", low=2, high=128, log=True)
    rate: float = param(0.01, "Learning rate η", low=1e-4, high=0.3, log=True, help="Of both nets, under AdamW")
    epochs: int = param(200, "Epochs at most", low=10, high=600, step=10, help="One step over all rows in each epoch")
    decay: float = param(0.1, "Weight decay λ", low=0.0, high=10.0, step=0.1, help="Decoupled, of both nets")
    early: bool = param(
        True,
        "Early stopping",
        help="The nets give up a fifth of their rows, and keep the weights that did best on them",
    )
    trees: int = param(100, "Trees", low=10, high=300, step=10, help="Of the gradient boosting, each of depth 3")
    leak: str = param("none", "Leak", options=LEAKS, help="A mistake in the preparation that makes the test part known")
    seeds: int = param(
        3, "Draws", low=1, high=10, help="So many splits into training and test part, each with new first weights"
    )
    seed: int = param(0, "Seed", low=0, high=9999, help="The first draw")
    metric: str = param("score", "Show", options=METRICS, help="Score: R² or accuracy. Error: RMSE or log loss")
    lens: str = param("size", "Look closer", options=LENSES)
    model: str = param("deep", "Model", options=MODELS)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Diabetes: 442 patients", "Ten measurements, one number to predict. Does a deep net pay, and from how many patients on?", ("tabular data", "regression", "deep learning vs machine learning", "when to use deep learning", "learning curve"), seeds=3),
    _preset("cancer", "Breast cancer: classification", "Thirty measurements of cell nuclei, benign or malignant: four models within a few patients of each other.", ("tabular classification", "binary classification", "log loss", "accuracy"), data="cancer", lens="errors"),
    _preset("wine", "Wine: 178 bottles", "Three growers told apart by chemistry. So few rows that one bottle is worth two percent of the test part.", ("multi-class", "small data", "classification"), data="wine", seeds=2, trees=30),
    _preset("housing", "Housing prices", "California's census blocks, where the file can be had; a text column and missing values are prepared first.", ("housing prices", "california housing", "regression", "missing values", "one-hot"), data="california", lens="errors"),
    _preset("overfitting", "A deep net without a brake", "No early stopping, no decay, wide layers: the training curve falls on, the test curve turns.", ("overfitting", "early stopping", "weight decay", "regularization"), early=False, decay=0.0, width=100, depth=3, lens="errors"),
    _preset("importance", "What do the models look at?", "Shuffle one column of the test part and watch how far each model falls.", ("permutation importance", "feature importance", "interpretability", "explain"), lens="importance"),
    _preset("leakage", "Too good to be true", "A column that was written down after the outcome. Every model shines, and none would work tomorrow.", ("data leakage", "target leakage", "standardization", "preprocessing"), lens="leak", leak="target"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Four models, one split", "A linear baseline, boosted trees, a single-layer net and a deep net: the same training rows, the same scaling, the same test rows. Compare the filled marks; the hollow ones are the rows that the model was trained on.", {}),
    TourStop("Does more data help?", "The learning curves below ask for each model how good it is with 20 rows, and how good with all. Where the bands overlap, the draw of the rows decides more than the model.", {"lens": "size"}),
    TourStop("Memory is not knowledge", "Without early stopping and decay the deep net learns its training rows by heart. Its test curve turns round.", {"early": False, "decay": 0.0, "width": 100, "depth": 3, "lens": "errors"}),
    TourStop("What does it look at?", "Shuffling a column cuts its tie to the outcome. The fall of the score is what the model owed to it.", {"lens": "importance"}),
    TourStop("The trap", "A test score is worth something only if nothing of the test part was known before. See which leak betrays itself, and which does not.", {"lens": "leak", "leak": "target"}),
)  # fmt: skip
