"""Where the boxes of a block diagram stand: left to right, wrapped like text, with opened blocks around what they hold.

A layer or a closed block is one cell. An opened block is as large as its parts in rows of at most `WIDE` cells, and a title. Branches stand one
below the other between a fork and a join.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.architectures.blocks import Chain, Layer, Node, Split, child

WIDE = 9.0
TITLE, INSET, GAP, FORK, THROUGH = 0.34, 0.12, 0.16, 0.3, 0.4  # in cells
AT_ONCE = 3  # so many splits in a block are opened with it

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A layer, a closed or an opened block, or a join (w = 0) with the upper left corner (x, y); y grows downwards."""

    path: str
    node: Node
    x: float
    y: float
    w: float
    h: float
    opened: bool = False


@dataclass(frozen=True)
class Diagram:
    """Boxes (opened ones before what they hold), lines between them, and the size of the whole."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def diagram(net: Chain, opened: Sequence[str]) -> Diagram:
    """The picture of `net` with the blocks at the paths `opened` shown from within."""
    drawing = _Drawing(set(opened))
    width, height = drawing.size(net, "")
    drawing.place(net, "", 0.0, 0.0)
    return Diagram(tuple(drawing.boxes), tuple(drawing.lines), width, height)


def blocks(net: Node, opened: Sequence[str]) -> dict[str, str]:
    """Path -> title of every block that can be opened or closed while `opened` are open."""
    return {b.path: b.node.title for b in diagram(net, opened).boxes if isinstance(b.node, Chain)}


class _Drawing:
    def __init__(self, opened: set[str]) -> None:
        self.opened = opened
        self.boxes: list[Box] = []
        self.lines: list[tuple[Point, ...]] = []

    def open(self, node: Node, path: str, splits: int = 1) -> bool:
        """Whether it is shown from within; `splits` stand beside it in its block."""
        match node:
            case Layer():
                return False
            case Split():
                return splits <= AT_ONCE or path in self.opened
        return not node.title or path in self.opened

    def size(self, node: Node, path: str, splits: int = 1) -> tuple[float, float]:
        """Width and height in cells."""
        if not self.open(node, path, splits):
            return 1.0, 1.0
        if isinstance(node, Split):
            sizes = [self.size(b, child(path, k)) for k, b in enumerate(node.branches)]
            return max(w for w, _ in sizes) + 2 * FORK + 0.1, sum(h for _, h in sizes)
        if not node.parts:
            return 0.0, THROUGH
        rows = self.rows(node, path)
        width = max(sum(w for _, w, _ in row) for row in rows)
        height = sum(max(h for _, _, h in row) for row in rows) + GAP * (len(rows) - 1)
        return (width + 2 * INSET, height + TITLE + 2 * INSET) if node.title else (width, height)

    def rows(self, node: Chain, path: str) -> list[list[tuple[int, float, float]]]:
        """The parts (number, width, height) row by row."""
        splits, rows, used = self.splits(node), [[]], 0.0
        for k, part in enumerate(node.parts):
            w, h = self.size(part, child(path, k), splits)
            if rows[-1] and used + w > WIDE:
                rows.append([])
                used = 0.0
            rows[-1].append((k, w, h))
            used += w
        return rows

    @staticmethod
    def splits(node: Chain) -> int:
        return sum(isinstance(part, Split) for part in node.parts)

    def place(self, node: Node, path: str, x: float, y: float, splits: int = 1) -> tuple[Point, Point]:
        """Draw it at (x, y); where the line comes in and where it goes out."""
        w, h = self.size(node, path, splits)
        if not self.open(node, path, splits):
            self.boxes.append(Box(path, node, x, y, w, h))
            return (x + 0.06, y + h / 2), (x + w - 0.06, y + h / 2)
        if isinstance(node, Split):
            return self.place_split(node, path, x, y, w, h)
        if not node.parts:
            return (x, y + h / 2), (x + w, y + h / 2)
        if not node.title:
            return self.place_rows(node, path, x, y)
        self.boxes.append(Box(path, node, x, y, w, h, True))
        first, last = self.place_rows(node, path, x + INSET, y + INSET + TITLE)
        inlet, outlet = (x + 0.06, y + h / 2), (x + w - 0.06, y + h / 2)
        self.lines += [_bent(inlet, first, x + 0.09), _bent(last, outlet, x + w - 0.09)]
        return inlet, outlet

    def place_rows(self, node: Chain, path: str, x: float, y: float) -> tuple[Point, Point]:
        rows, first, last = self.rows(node, path), None, None
        for row in rows:
            height, left = max(h for _, _, h in row), x
            for k, w, h in row:
                part = node.parts[k]
                inlet, outlet = self.place(part, child(path, k), left, y + (height - h) / 2, self.splits(node))
                if last is not None:
                    self.lines.append((last, inlet) if left > x else _returning(last, inlet, y - GAP / 2))
                first, last, left = first or inlet, outlet, left + w
            y += height + GAP
        return first, last

    def place_split(self, node: Split, path: str, x: float, y: float, w: float, h: float) -> tuple[Point, Point]:
        fork, meet = (x + 0.1, y + h / 2), (x + w - 0.1, y + h / 2)
        top = y
        for k, branch in enumerate(node.branches):
            at = child(path, k)
            height = self.size(branch, at)[1]
            if branch.parts:
                inlet, outlet = self.place(branch, at, x + FORK, top)
                self.lines += [_bent(fork, inlet, x + 0.2), _bent(outlet, meet, x + w - 0.2)]
            else:
                self.lines.append((fork, (fork[0], top + height / 2), (meet[0], top + height / 2), meet))
            top += height
        self.boxes.append(Box(f"{path}.join", node, meet[0], meet[1], 0.0, 0.0))
        return fork, meet


def _bent(start: Point, end: Point, x: float) -> tuple[Point, ...]:
    """Across, up or down at x, and across."""
    return (start, end) if start[1] == end[1] else (start, (x, start[1]), (x, end[1]), end)


def _returning(start: Point, end: Point, y: float) -> tuple[Point, ...]:
    """From the end of one row, through the gap at y, to the beginning of the next."""
    return (start, (start[0] + 0.1, start[1]), (start[0] + 0.1, y), (end[0] - 0.1, y), (end[0] - 0.1, end[1]), end)
