"""The network that the settings name, and its counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from core.architectures.blocks import Chain
from core.architectures.count import Count, Shape, count
from core.architectures.layout import Diagram, diagram
from core.architectures.spec import ArchitecturesSpec
from core.architectures.text import parse
from core.architectures.zoo import NETS
from core.errors import ExplainerError

SMALL, CLASSES = (1, 32, 32), 10  # the digits that the small networks read
MOST_PARAMETERS, MOST_MACS, MOST_VALUES = 2_000_000, 100_000_000, 2_000_000  # of a network that is trained here


@dataclass(frozen=True)
class Plan:
    """A network, the pictures it reads, its name."""

    net: Chain
    shape: Shape
    title: str

    @property
    def count(self) -> Count:
        return count(self.net, self.shape)


def plan(spec: ArchitecturesSpec) -> Plan:
    """The network on screen.

    Raises:
        ExplainerError: its text cannot be read, or a layer cannot take what comes to it.
    """
    found = _plan(spec)
    count(found.net, found.shape)  # refuses what does not fit
    return found


def _plan(spec: ArchitecturesSpec) -> Plan:
    if spec.net != "own" and spec.scale == "full":
        about = NETS[spec.net]
        return Plan(about.full(), sized(spec, about.input), about.published)
    shape = sized(spec, SMALL)
    if spec.net == "own":
        return Plan(own(spec.text), shape, "Your network")
    return Plan(NETS[spec.net].small(CLASSES), shape, f"small {NETS[spec.net].title}")


def sized(spec: ArchitecturesSpec, shape: Shape) -> Shape:
    """The shape with the chosen picture size."""
    return shape if spec.pixels == "own" else (shape[0], int(spec.pixels), int(spec.pixels))


@lru_cache(maxsize=64)
def own(text: str) -> Chain:
    return parse(text)


def small(spec: ArchitecturesSpec) -> Plan:
    """The network on screen in the size that is trained here, on pictures of 32 pixels (or 28, if those are chosen).

    Raises:
        ExplainerError: its last layer does not give one number for each class, or it is too large to be trained here.
    """
    title = "Your network" if spec.net == "own" else f"small {NETS[spec.net].title}"
    net = own(spec.text) if spec.net == "own" else NETS[spec.net].small(CLASSES)
    found = Plan(net, sized(spec, SMALL) if spec.pixels == "28" else SMALL, title)
    if found.count.last.went != (CLASSES,):
        gives = " × ".join(map(str, found.count.last.went))
        raise ExplainerError(f"the last layer gives {gives}, but there are {CLASSES} digits; let the network end with flatten, dense{CLASSES}")  # fmt: skip
    for what, has, most in (("parameters", found.count.parameters, MOST_PARAMETERS), ("multiply-adds", found.count.macs, MOST_MACS), ("activations", found.count.values, MOST_VALUES)):  # fmt: skip
        if has > most:
            raise ExplainerError(f"the network has {has:,} {what}; one that is trained here may have {most:,}; take fewer channels, or a stride of 2 early on")  # fmt: skip
    return found


def opened(spec: ArchitecturesSpec) -> list[str]:
    """The paths of the opened blocks, as the Spec holds them."""
    return [path.strip() for path in spec.open.split(",") if path.strip()]


def drawing(spec: ArchitecturesSpec) -> Diagram:
    """The block diagram on screen."""
    return diagram(plan(spec).net, opened(spec))


def toggled(spec: ArchitecturesSpec, path: str) -> dict[str, str]:
    """Open a closed block, close an opened one (and what is open in it)."""
    now = opened(spec)
    if path in now:
        now = [p for p in now if p != path and not p.startswith(f"{path}.")]
    else:
        now.append(path)
    return {"open": ", ".join(now)}


def chosen(spec: ArchitecturesSpec) -> str:
    """The layer or block that is looked at: what was clicked, else the layer with the most parameters among those that are drawn."""
    rows = plan(spec).count.rows
    if any(row.path == spec.layer or row.path.startswith(f"{spec.layer}.") for row in rows if spec.layer):
        return spec.layer
    drawn = {box.path for box in drawing(spec).boxes}
    return max((row for row in rows if row.path in drawn), key=lambda row: row.parameters, default=rows[0]).path
