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


EXPLAINERS: tuple[Explainer, ...] = (
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
        "Fifteen optimizers start together on one hill: who gets down, who overshoots, and who never finishes.",
    ),
)


def explainer(slug: str) -> Explainer:
    """The explainer with this slug. Raises KeyError if there is none."""
    return {e.slug: e for e in EXPLAINERS}[slug]
