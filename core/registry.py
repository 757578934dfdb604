"""The explainers that Glassnet has, in teaching order. One line here makes a page: menu, URL, home card, README row, tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explainer:
    """`slug` names core/<slug>/, pages/<slug>.py and assets/text/<slug>.md; `icon` is a Material Symbols name."""

    slug: str
    title: str
    section: str
    icon: str
    summary: str

    @property
    def url(self) -> str:
        """The page's path: backprop_stepper is at /backprop-stepper."""
        return self.slug.replace("_", "-")


HOME = Explainer(
    "home",
    "A net that learns digits",
    "",
    "home",
    "A small net written from scratch learns to read handwritten digits, and then reads yours.",
)

EXPLAINERS: tuple[Explainer, ...] = (
    Explainer(
        "neuron",
        "One neuron",
        "Foundations",
        "scatter_plot",
        "Weighted sum, bias and a line through the plane: move the points and watch one neuron learn from its mistakes.",
    ),
    Explainer(
        "activations",
        "Activations",
        "Foundations",
        "show_chart",
        "Sigmoid, ReLU, GELU and eleven more: the curve, its slope, and what becomes of a net that uses it.",
    ),
    Explainer(
        "losses",
        "Losses",
        "Foundations",
        "balance",
        "Squared error, cross-entropy, hinge and more: what a wrong prediction costs, how hard it is pulled back, and what one outlier does.",
    ),
    Explainer(
        "playground",
        "Playground",
        "Foundations",
        "bubble_chart",
        "Build a small net, watch every neuron learn on the plane, change a weight by hand and train on.",
    ),
    Explainer(
        "backprop_stepper",
        "Backprop stepper",
        "Learning",
        "account_tree",
        "Type a formula and walk the chain rule through its graph, one operation at a time.",
    ),
    Explainer(
        "optimizer_race",
        "Optimizer race",
        "Learning",
        "sprint",
        "Sixteen optimizers start together on one hill: who gets down, who overshoots, and who never finishes.",
    ),
    Explainer(
        "network_race",
        "Optimizer race on real networks",
        "Learning",
        "speed",
        "One small network, the same start and the same batches for every optimizer: curves, landscape, sharpness, batch size.",
    ),
    Explainer(
        "tabular_lab",
        "Should I use deep learning here?",
        "Learning",
        "table_chart",
        "Two nets beside a linear model and boosted trees on one table: who wins, with how many rows, and by more than luck?",
    ),
    Explainer(
        "conv_arithmetic",
        "Convolution, cell by cell",
        "Seeing",
        "grid_on",
        "A kernel slides over a picture: every product, every sum, backward, pooling, and how far a stack of layers sees.",
    ),
    Explainer(
        "conv_filters",
        "Conv filter visualizer",
        "Seeing",
        "filter_b_and_w",
        "Every layer of a trained network looks at a picture: its filters, its maps, and how they were learned.",
    ),
    Explainer(
        "conv_lab",
        "Conv lab",
        "Seeing",
        "science",
        "Ask what a unit of a trained network wants; change a kernel, a map or a pixel, and measure what follows.",
    ),
    Explainer(
        "saliency",
        "Where did it look?",
        "Seeing",
        "visibility",
        "Fifteen methods say which pixels an answer hangs on. They disagree, so each of them is put to the test.",
    ),
)


def explainer(slug: str) -> Explainer:
    """The explainer with this slug. Raises KeyError if there is none."""
    return {e.slug: e for e in EXPLAINERS}[slug]
