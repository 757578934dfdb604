"""What stands above the closer look: a map over the picture, all heads, the answer."""

from __future__ import annotations

import numpy as np

from core.contracts import Figure
from core.vision_transformer import figures as draw
from core.vision_transformer.compute import View
from core.vision_transformer.lenses import who
from core.vision_transformer.spec import VIEWS

UNITS = {"attention": "attention weight [1]", "rollout": "rollout [1]", "grad_cam": "Grad-CAM [logit]"}


def pictures(view: View) -> dict[str, Figure]:
    """What stands above the lens: the map over the picture, all heads, the answer."""
    picture, spec = view.scene.picture(), view.spec
    A = view.seen.A
    rows = np.concatenate([A, A.mean(1, keepdims=True)], 1)[:, :, view.query + 1, 1:]
    maps = rows.reshape(*rows.shape[:2], view.variant.grid, view.variant.grid)
    query = -1 if spec.view == "grad_cam" else view.query
    return {
        "map": draw.over_patches(
            picture, view.map(spec.view), query, spec.overlay, view.scene.truth(), VIEWS[spec.view], UNITS[spec.view]
        ),
        "heads": draw.heads(picture, maps, spec.overlay, view.layer, view.head, who(view)),
        "bars": draw.bars(view.classes, view.seen.probabilities, view.scene.words),
    }
