"""What stands above the closer look: the sentence, all heads, the selected head as map and as lines, and its selected row."""

from __future__ import annotations

import numpy as np

from core.attention.layout import in_place
from core.attention_heatmap import figures as draw
from core.attention_heatmap.compute import Reading
from core.attention_heatmap.lenses import chosen, draw_word
from core.contracts import Figure


def pictures(found: Reading) -> dict[str, Figure]:
    """All heads, the selected head as map and as lines, and its selected row."""
    shares = found.graded.accuracy.numpy() if found.main else np.full(found.maps.weights.shape[1:3], np.nan)
    name = chosen(found)
    return {
        "thumbnails": draw.thumbnails(found.maps.weights[0].numpy(), found.layer, found.head, shares),
        "map": draw.heat(found.weights, found.rows, found.columns, found.truth, found.row, name),
        "lines": draw.lines(found.weights, found.rows, found.columns, found.row, name),
        "row": draw.bar(
            found.weights[found.row], found.columns, found.truth[found.row], found.rows[found.row], found.row
        ),
    }


def about(found: Reading) -> str:
    """What is asked, what the transformer says, and how it is doing, in two sentences."""
    if found.subject.read is not None:
        return _spoken(found)
    said = " ".join(draw_word(found.task.vocabulary[found.answers[q]]) for q in found.asked)
    forced = (
        ""
        if in_place(found.task, found.subject.kind)
        else " At each place it is given the right answers before it (teacher forcing)."
    )
    course, heads = found.subject.course, found.graded.accuracy.shape
    size = f"{heads[0]} {'layer' if heads[0] == 1 else 'layers'} of {heads[1]} heads, width {course.d}"
    fixed = found.task.shortest == found.task.longest
    length = "" if fixed else f" It was trained on {course.length} tokens; another length is a test that it may fail."
    return f"**{found.task.help.removesuffix('?') + ('?' if '?' in found.task.help else '.')}** The transformer ({size}) answers {said}: **{found.right} of {len(found.asked)} right**.{forced}{length}"


def _spoken(found: Reading) -> str:
    """The sentence above a language model's maps."""
    shape, p = found.model.shape, found.seen.logits[0, found.row].softmax(-1)
    size = f"{shape.layers} {'layer' if shape.layers == 1 else 'layers'} of {shape.heads} heads, width {shape.d}"
    counted = (
        f"**{found.right} of {len(found.asked)}** tokens are the ones it finds likeliest"
        if len(found.asked)
        else "there is nothing to compare with"
    )
    return (
        f"**{found.subject.title}** ({size}) reads {len(found.rows)} tokens of {shape.vocabulary:,}. {found.task.help}: at row {found.row} ({draw_word(found.rows[found.row])}) it is "
        f"{draw_word(found.task.vocabulary[int(p.argmax())])} with probability {float(p.max()):.3f}. In this text {counted}."
    )  # fmt: skip
