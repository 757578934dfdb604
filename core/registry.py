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
        "schedules",
        "Learning-rate schedules",
        "Learning",
        "trending_down",
        "Eleven ways to change the rate on the way: what they do to loss, gradient and curvature, how to find a rate, and when to clip.",
    ),
    Explainer(
        "regularisation",
        "Regularisation",
        "Learning",
        "compress",
        "Dropout, weight decay, norms, early stopping and seven more beside a plain net, on the same draws: which helps, by more than luck, and how it works inside.",
    ),
    Explainer(
        "initialisation",
        "Initialisation and gradient flow",
        "Learning",
        "water_drop",
        "Up to fifty layers and twelve ways to begin: see signal and gradient die, explode or pass, predict it from one variance, and repair it.",
    ),
    Explainer(
        "tabular_lab",
        "Should I use deep learning here?",
        "Learning",
        "table_chart",
        "Two nets beside a linear model and boosted trees on one table: who wins, with how many rows, and by more than luck?",
    ),
    Explainer(
        "training_loop",
        "Training loop",
        "Learning",
        "autorenew",
        "The loop lit line by line with its shapes and values: live signals, early stopping, checkpoints, rewind and branch, and the tests that a loop must pass.",
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
        "architectures",
        "Architectures",
        "Seeing",
        "schema",
        "LeNet to EfficientNet as block diagrams: what each layer costs and sees, what short cuts are for, and a stack of your own.",
    ),
    Explainer(
        "saliency",
        "Where did it look?",
        "Seeing",
        "visibility",
        "Fifteen methods say which pixels an answer hangs on. They disagree, so each of them is put to the test.",
    ),
    Explainer(
        "augmentation",
        "Augmentation lab",
        "Seeing",
        "shuffle",
        "Random changes of pictures and sentences: which keep the label, which break it, and whether a network trained on them holds up.",
    ),
    Explainer(
        "text_tokens",
        "Text becomes numbers",
        "Sequences",
        "abc",
        "Three tokenizers, padding and its mask, and word vectors trained in front of you: how a text becomes something that a network can read.",
    ),
    Explainer(
        "lstm_gates",
        "LSTM gate inspector",
        "Sequences",
        "memory",
        "Recurrent nets learn brackets, recall and grammars side by side: read every gate at every step, find the unit that counts, and operate on it.",
    ),
    Explainer(
        "memory_length",
        "Memory length",
        "Sequences",
        "history",
        "Follow the gradient back through time in three cells: why memories vanish or explode, and what gates, forget bias and clipping change.",
    ),
    Explainer(
        "forecasting",
        "Forecasting",
        "Sequences",
        "timeline",
        "Cut a series into windows, forecast it with four baselines and three nets, and see which numbers hold: intervals, walk-forward, leakage.",
    ),
    Explainer(
        "text_generation",
        "A character model that writes",
        "Sequences",
        "edit_note",
        "A recurrent net writes one character at a time: its guesses, temperature, hidden units in colour, and counting as a rival.",
    ),
    Explainer(
        "seq2seq",
        "Encoder, decoder, bottleneck",
        "Sequences",
        "swap_horiz",
        "One vector carries the whole sequence, or the decoder looks back: alignment scored, accuracy against length, teacher forcing, beam search.",
    ),
    Explainer(
        "attention_heatmap",
        "Attention heatmap",
        "Attention",
        "grid_view",
        "Small transformers on tasks whose right alignment is known: see where each head looks, and mark it.",
    ),
    Explainer(
        "attention_lab",
        "Operate on attention",
        "Attention",
        "content_cut",
        "Switch heads off, force what they look at, patch one run into another, let a decoder write with and without a cache, train a language model: and measure what follows.",
    ),
    Explainer(
        "positions",
        "Positional encodings",
        "Attention",
        "pin_drop",
        "Sinusoidal, learned, RoPE, ALiBi, none: five ways to tell a transformer where a token stands, as pictures, as proofs, and on texts longer than any in training.",
    ),
    Explainer(
        "vision_transformer",
        "Vision transformer",
        "Attention",
        "apps",
        "Cut a picture into patches, let them look at each other, and see where the network looked, what it knows of places, and what it loses with patches.",
    ),
    Explainer(
        "gan_lab",
        "GAN lab",
        "Generative",
        "theater_comedy",
        "A generator and a discriminator play on the plane: watch noise become points, compare six losses, and catch collapse, oscillation and vanishing pulls by their causes.",
    ),
    Explainer(
        "diffusion",
        "Diffusion and flows",
        "Generative",
        "blur_on",
        "Noise becomes data on the plane: DDPM, DDIM, score SDE, ODE, flow matching and RealNVP, each held beside the exact field.",
    ),
    Explainer(
        "transfer_tuner",
        "Transfer-learning tuner",
        "Transfer",
        "model_training",
        "A trained network meets new pictures: four ways to teach it, what each of them changes, and the model to take home and ask.",
    ),
    Explainer(
        "frameworks",
        "PyTorch and Keras side by side",
        "Practice",
        "compare_arrows",
        "One net as seven programs, line beside line with the same losses, and what the frameworks do differently under the same words.",
    ),
    Explainer(
        "compression",
        "Compress, export, serve",
        "Practice",
        "compress",
        "One digit net rounded to few bits, pruned, taught by a larger one, factorised, exported and served: what each variant costs, and what it still knows.",
    ),
)


def explainer(slug: str) -> Explainer:
    """The explainer with this slug. Raises KeyError if there is none."""
    return {e.slug: e for e in EXPLAINERS}[slug]
