"""A typed formula as a computation graph: the safe parser, the operations, and the passes forward and backward."""

from __future__ import annotations

from core.formula.graph import Graph, Node
from core.formula.parser import leaf_names, parse

__all__ = ["Graph", "Node", "leaf_names", "parse"]
