"""Word vectors by skip-gram with negative sampling, trained in NumPy, and what can be read off them.

A word w and each word c at most `window` places away in the same sentence are a pair. With u_w the vector of a word and v_c that of a word as a
neighbour, x_wc = u_w . v_c, #(w, c) the number of such pairs, N their sum, k negative samples and P(c) ~ #(c)^0.75, the loss is

    L = - sum_wc [ A_wc log s(x_wc) + B_wc log s(-x_wc) ],    s(x) = 1 / (1 + exp(-x))
    dL/dx_wc = -A_wc (1 - s(x_wc)) + B_wc s(x_wc),    dL/dU = (dL/dX) V,    dL/dV = (dL/dX)^T U

`expected`:  A_wc = #(w, c) / N and B_wc = k #(w) P(c) / N: what the sampled loss is on average, all pairs in every step.
`sampled`:   A and B count the pairs of a batch and k words drawn from P for each, as word2vec does, divided by the batch's size.

Where the vectors are as long as the vocabulary, the minimum is x_wc = log(#(w, c) N / (#(w) #(c))) - log k for P(c) = #(c) / N.
Analogy a : b = c : ?  is the word d not among them with the largest cos(d, b - a + c).

Sources: T. Mikolov et al., "Distributed representations of words and phrases and their compositionality", NeurIPS 2013, eq. 4 and
section 2.2; the minimum: O. Levy, Y. Goldberg, "Neural word embedding as implicit matrix factorization", NeurIPS 2014, eq. 7; the
analogy: T. Mikolov, W. Yih, G. Zweig, "Linguistic regularities in continuous space word representations", NAACL 2013, section 4.
Steps by Adam, D. P. Kingma, J. Ba, ICLR 2015.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

Matrix = Float[np.ndarray, "V W"]
Vectors = Float[np.ndarray, "V d"]
Vector = Float[np.ndarray, "d"]

POWER = 0.75
BATCH = 256  # pairs in a step of the sampled loss
SPREAD = 0.1  # standard deviation of the first vectors


def known_words(sentences: Sequence[Sequence[str]], most: int) -> list[str]:
    """The `most` most frequent words that occur twice at least."""
    counts = Counter(word for sentence in sentences for word in sentence)
    return [word for word, n in counts.most_common(most) if n > 1]


def pair_counts(sentences: Sequence[Sequence[str]], words: Sequence[str], window: int) -> Matrix:
    """#(w, c): how often c stands at most `window` places from w; unknown words keep their place but count for nothing."""
    number = {word: i for i, word in enumerate(words)}
    counts = np.zeros((len(words), len(words)))
    for sentence in sentences:
        ids = [number.get(word, -1) for word in sentence]
        for at, w in enumerate(ids):
            for c in ids[at + 1 : at + 1 + window]:
                if w >= 0 and c >= 0:
                    counts[w, c] += 1
                    counts[c, w] += 1
    return counts


def noise(counts: Matrix, power: float = POWER) -> Float[np.ndarray, "V"]:
    """P(c): how likely a word is drawn as a negative sample."""
    weights = counts.sum(axis=0) ** power
    return weights / weights.sum()


def expected(counts: Matrix, negatives: int, power: float = POWER) -> tuple[Matrix, Matrix]:
    """A and B of the mean loss."""
    share = counts / counts.sum()
    return share, negatives * np.outer(share.sum(axis=1), noise(counts, power))


def sampled(counts: Matrix, negatives: int, g: np.random.Generator) -> Iterator[tuple[Matrix, Matrix]]:
    """A and B of one batch after another, without end."""
    V = len(counts)
    chance, false = counts.ravel() / counts.sum(), noise(counts)
    while True:
        true = g.choice(V * V, BATCH, p=chance)
        A = np.bincount(true, minlength=V * V)
        drawn = np.repeat(true // V, negatives) * V + g.choice(V, BATCH * negatives, p=false)
        B = np.bincount(drawn, minlength=V * V)
        yield A.reshape(V, V) / BATCH, B.reshape(V, V) / BATCH


def loss(U: Vectors, V: Vectors, A: Matrix, B: Matrix) -> float:
    """L in nats for each true pair."""
    x = U @ V.T
    return float((A * np.logaddexp(0, -x) + B * np.logaddexp(0, x)).sum())


def gradient(U: Vectors, V: Vectors, A: Matrix, B: Matrix) -> tuple[Vectors, Vectors]:
    """dL/dU and dL/dV."""
    s = 0.5 * (1 + np.tanh(0.5 * (U @ V.T)))
    X = B * s - A * (1 - s)
    return X @ V, X.T @ U


def descend(
    counts: Matrix, size: int, rate: float, batches: Iterator[tuple[Matrix, Matrix]], g: np.random.Generator
) -> Iterator[Vectors]:
    """U and V, stacked, before the first step and after each."""
    theta = g.normal(0.0, SPREAD, (2 * len(counts), size))
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    yield theta
    for t, (A, B) in enumerate(batches, start=1):
        grad = np.concatenate(gradient(*np.split(theta, 2), A, B))
        m = 0.9 * m + 0.1 * grad
        v = 0.999 * v + 0.001 * grad**2
        theta = theta - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        yield theta


def unit(vectors: Vectors) -> Vectors:
    """Each vector divided by its length; 0 stays 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def neighbours(vectors: Vectors, at: int, most: int) -> list[tuple[int, float]]:
    """The words nearest to word `at` with their cosine, nearest first."""
    cosine = unit(vectors) @ unit(vectors)[at]
    order = np.argsort(-cosine, kind="stable")
    return [(int(i), float(cosine[i])) for i in order if i != at][:most]


def analogy(vectors: Vectors, a: int, b: int, c: int, most: int = 5) -> list[tuple[int, float]]:
    """a : b = c : ?, the candidates with their cosine to b - a + c of unit vectors, best first."""
    near = unit(vectors)
    cosine = near @ unit((near[b] - near[a] + near[c])[None])[0]
    order = np.argsort(-cosine, kind="stable")
    return [(int(i), float(cosine[i])) for i in order if i not in (a, b, c)][:most]


def analogy_score(vectors: Vectors, pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """(right, asked): every pair a : b against every other pair c : d, in both directions of neither."""
    asked = [(a, b, c, d) for a, b in pairs for c, d in pairs if (a, b) != (c, d)]
    return sum(analogy(vectors, a, b, c, 1)[0][0] == d for a, b, c, d in asked), len(asked)


def plane(vectors: Vectors) -> tuple[Float[np.ndarray, "2 d"], Vector, float]:
    """The two directions of greatest variance, the mean, and the share of the variance that they hold (PCA).

    The sign of a direction is free: its largest entry is made positive.
    """
    mean = vectors.mean(axis=0)
    _, lengths, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    total = (lengths**2).sum()
    return axes, mean, float((lengths[:2] ** 2).sum() / total) if total > 0 else 0.0
