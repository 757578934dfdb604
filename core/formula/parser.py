"""A typed formula as a computation graph: Python's own grammar (ast) with a whitelist; nothing is ever evaluated.

    statement  = [name "="] expression, separated by ";" or a new line; the last one is the loss and has no name
    expression = number | name | -e | +e | e + e | e - e | e * e | e / e | e ** e | function(e, ...)

A name that was given a definition stands for that node, any other name is a leaf; every use of a name is the same node.
The tree is walked with a stack, so that a long chain is no deeper than a short one.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import ExplainerError, one_of
from core.formula.graph import VALUE_LIMIT, Graph, Node, checked, place
from core.formula.operations import EXPONENT_LIMIT, FUNCTIONS

LENGTH_LIMIT = 500
NODE_LIMIT = 200

BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
REFUSED = {
    ast.Attribute: "a dot (attribute) is not allowed",
    ast.Subscript: "square brackets are not allowed",
    ast.List: "square brackets are not allowed",
    ast.Lambda: "lambda is not allowed",
    ast.Compare: "a comparison is not allowed",
    ast.Tuple: "a comma is only allowed between the arguments of a function",
    ast.NamedExpr: "':=' is not allowed",
    ast.Starred: "a star before an argument is not allowed",
    ast.IfExp: "'if' is not allowed",
    ast.JoinedStr: "text is not allowed",
}


def parse(formula: str, values: Mapping[str, Any]) -> Graph:
    """The graph of `formula`, with `values` (leaf name -> number) for its leaves; values that it does not use are ignored.

    Raises:
        ExplainerError: the formula is not of the grammar, too long, or too large, or a value is missing or not a number
            from -1e6 to 1e6. Where a formula has no value (log of -1) is found later, by `Graph.forward`.
    """
    given = {unicodedata.normalize("NFKC", str(name)): value for name, value in values.items()}
    reader = _Reader(formula)
    nodes = reader.read()
    for name in reader.defined:
        if name in given:
            raise ExplainerError(f"{name!r} is defined in the formula and also given a value; rename one of them")
    for node in nodes:
        if node.op == "leaf":
            if node.label not in given:
                raise ExplainerError(_unknown(node, reader.formula, given))
            node.value = checked(node.label, given[node.label])
    return Graph(reader.formula, nodes)


def leaf_names(formula: str) -> list[str]:
    """The names of the formula's leaves in order of first use. Raises ExplainerError as `parse` does."""
    return [node.label for node in _Reader(formula).read() if node.op == "leaf"]


def _unknown(node: Node, formula: str, given: Mapping[str, Any]) -> str:
    known = f"known names: {one_of(list(given)[:12])}" if given else "no values were given"
    return f"unknown name {place(formula, *node.span)}; {known}"


def _tree(formula: str) -> tuple[list[ast.stmt], list[int]]:
    """The statements of the formula, and where in the formula each line that Python saw begins.

    Every line is stripped first, so that indented lines can be pasted.
    """
    lines, starts, end = [], [], 0
    for line in formula.split("\n"):
        starts.append(end + len(line) - len(line.lstrip()))
        lines.append(line.strip())
        end += len(line) + 1
    try:
        return ast.parse("\n".join(lines)).body, starts
    except SyntaxError as error:
        raise ExplainerError(_misread(formula, starts, error)) from None
    except (RecursionError, MemoryError, ValueError):
        raise ExplainerError(
            "the formula cannot be read: it is nested too deeply or holds a character that no formula has; "
            "name its parts, as in h = tanh(w*x); h**2"
        ) from None


def _misread(formula: str, starts: Sequence[int], error: SyntaxError) -> str:
    """What Python could not read, and where."""
    line = min(max(error.lineno or 1, 1), len(starts)) - 1
    start = min(starts[line] + max((error.offset or 1) - 1, 0), len(formula))
    about_brackets = any(word in error.msg for word in ("paren", "closed", "unmatched"))
    why = error.msg if about_brackets else "something is missing or misplaced"
    piece = place(formula, start, formula.find("\n", start) if "\n" in formula[start:] else len(formula))
    return f"the formula cannot be read {piece}; {why}. Products are written 2*x, powers x**2, calls tanh(x)"


class _Reader:
    """Builds the nodes of one formula. Leaves have no values yet."""

    def __init__(self, formula: str) -> None:
        self.formula = formula.replace("\r\n", "\n")
        self.nodes: list[Node] = []
        self.names: dict[str, int] = {}  # leaves and definitions
        self.defined: list[str] = []
        self.starts: list[int] = []
        self.lines: list[str] = []

    def read(self) -> list[Node]:
        self._check_text()
        statements, self.starts = _tree(self.formula)
        self.lines = [line.strip() for line in self.formula.split("\n")]
        if not statements:
            raise ExplainerError("the formula is empty; try (tanh(w*x + b) - y)**2")
        for statement in statements[:-1]:
            self._define(statement)
        last = statements[-1]
        if not isinstance(last, ast.Expr):
            raise self._error(
                last,
                "the last part must be the loss itself, and this is a statement",
                "write an expression without '='",
            )
        self._check_all_used(self._expression(last.value))
        return self.nodes

    def _check_text(self) -> None:
        if len(self.formula) > LENGTH_LIMIT:
            raise ExplainerError(f"the formula has {len(self.formula)} characters; at most {LENGTH_LIMIT} are allowed")
        for k, character in enumerate(self.formula):
            if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
                raise ExplainerError(f"a character that cannot be read {place(self.formula, k, k + 1)}; delete it")

    def _define(self, statement: ast.stmt) -> None:
        """`h = expression`: from here on the name h is that node."""
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        if not isinstance(target, ast.Name):
            raise self._error(
                statement, "this part is no definition", "every part but the last must be one, such as h = tanh(w*x)"
            )
        if target.id in FUNCTIONS or target.id in self.defined:
            taken = "a function" if target.id in FUNCTIONS else "defined"
            raise self._error(target, f"the name is already {taken}", "choose another name")
        node = self._expression(statement.value)
        if target.id in self.names:
            raise self._error(target, "the name is used before its definition", "define it first")
        if self.nodes[node].inputs and node not in self.names.values():  # the first name stays
            self.nodes[node].label = target.id
        self.names[target.id] = node
        self.defined.append(target.id)

    def _check_all_used(self, loss: int) -> None:
        used = {loss} | {i for node in self.nodes for i in node.inputs}
        for name in self.defined:
            if self.names[name] not in used:
                span = self.nodes[self.names[name]].span
                raise ExplainerError(
                    f"{name!r} is never used {place(self.formula, *span)}; use it in the last part or delete it"
                )

    def _expression(self, root: ast.expr) -> int:
        """The id of the node that `root` stands for; its operands are made first, from left to right."""
        work: list[tuple[ast.expr, bool]] = [(root, False)]
        made: list[int] = []
        while work:
            expression, operands_made = work.pop()
            operands = () if operands_made else self._operands(expression)
            if operands:
                work.append((expression, True))
                work.extend((operand, False) for operand in reversed(operands))
            else:
                self._make(expression, made)
        return made.pop()

    def _operands(self, e: ast.expr) -> Sequence[ast.expr]:
        """The expressions that must be made before `e`. Raises ExplainerError if `e` is nothing that a formula may have."""
        if isinstance(e, ast.BinOp) and type(e.op) in BINARY:
            return e.left, e.right
        if isinstance(e, ast.UnaryOp) and isinstance(e.op, (ast.USub, ast.UAdd)):
            return () if _is_number(e.operand) and isinstance(e.op, ast.USub) else (e.operand,)
        if isinstance(e, ast.Call):
            return self._arguments(e)
        if isinstance(e, ast.Name) or _is_number(e):
            return ()
        raise self._error(
            e, _refusal(e), "a formula has numbers, names, + - * / **, brackets and functions; powers are written x**2"
        )

    def _arguments(self, call: ast.Call) -> Sequence[ast.expr]:
        """The arguments of a function that become nodes, checked for their number."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name not in FUNCTIONS:
            raise self._error(call, "unknown function", f"choose {one_of(FUNCTIONS)}; a product is written a*(b)")
        if call.keywords or any(isinstance(a, ast.Starred) for a in call.args):
            raise self._error(call, "keywords and stars are not allowed in a call", f"write {FUNCTIONS[name].usage}")
        if name == "softmax_cross_entropy":
            return self._logits(call)
        count = len(call.args)
        right = {"mse": count >= 2 and count % 2 == 0, "max": count >= 2, "min": count >= 2}
        if not right.get(name, count == FUNCTIONS[name].arity):
            raise self._error(
                call, f"{name} was given {count} argument{'s' * (count != 1)}", f"write {FUNCTIONS[name].usage}"
            )
        return call.args

    def _logits(self, call: ast.Call) -> Sequence[ast.expr]:
        k, *logits = call.args or [None]
        literal = k is not None and _is_number(k) and isinstance(k.value, int)
        if not literal or len(logits) < 2 or not 0 <= k.value < len(logits):
            problem = "softmax_cross_entropy needs a class and two or more logits, the class a whole number below their number"
            raise self._error(call, problem, f"write {FUNCTIONS['softmax_cross_entropy'].usage}")
        return logits

    def _make(self, e: ast.expr, made: list[int]) -> None:
        """Replace the operands of `e` at the end of `made` by its own node."""
        if isinstance(e, ast.BinOp):
            right, left = made.pop(), made.pop()
            made.append(self._binary(e, left, right))
        elif isinstance(e, ast.Call):
            count = len(self._arguments(e))
            inputs = tuple(made[-count:])
            del made[-count:]
            made.append(self._call(e, inputs))
        elif isinstance(e, ast.Name):
            made.append(self._name(e))
        elif isinstance(e, ast.Constant):
            made.append(self._number(e, e.value))
        elif isinstance(e.operand, ast.Constant) and isinstance(e.op, ast.USub):
            made.append(self._number(e, -e.operand.value))
        elif isinstance(e.op, ast.USub):
            made.append(self._add(e, "neg", "", (made.pop(),)))

    def _binary(self, e: ast.BinOp, left: int, right: int) -> int:
        op, exponent = BINARY[type(e.op)], self.nodes[right]
        if op == "pow" and exponent.op == "const" and abs(exponent.value or 0.0) > EXPONENT_LIMIT:
            raise self._error(
                e.right, f"the exponent is outside -{EXPONENT_LIMIT:g} to {EXPONENT_LIMIT:g}", "try a smaller one"
            )
        return self._add(e, op, "", (left, right))

    def _call(self, e: ast.Call, inputs: tuple[int, ...]) -> int:
        name = e.func.id
        if name == "softmax_cross_entropy":
            return self._add(e, name, "", inputs, (e.args[0].value,))
        while len(inputs) > 2 and name in ("max", "min"):  # max(a, b, c) = max(max(a, b), c)
            inputs = (self._add(e, name, "", inputs[:2]), *inputs[2:])
        return self._add(e, name, "", inputs)

    def _name(self, e: ast.Name) -> int:
        if e.id in FUNCTIONS:
            raise self._error(e, "a function without its brackets", f"write {FUNCTIONS[e.id].usage}")
        if e.id not in self.names:
            self.names[e.id] = self._add(e, "leaf", e.id)
        return self.names[e.id]

    def _number(self, e: ast.expr, number: int | float) -> int:
        if not abs(number) <= VALUE_LIMIT:
            raise self._error(e, "the number is outside -1e6 to 1e6", "try a smaller one")
        start, end = self._span(e)
        node = self._add(e, "const", self.formula[start:end])
        self.nodes[node].value = float(number)
        return node

    def _add(self, e: ast.expr, op: str, label: str, inputs: tuple[int, ...] = (), params: tuple[int, ...] = ()) -> int:
        if len(self.nodes) == NODE_LIMIT:
            raise self._error(
                e, f"the formula has more than {NODE_LIMIT} nodes", "shorten it, or name what is used twice"
            )
        node = Node(len(self.nodes), op, label, inputs, self._span(e), params)
        node.label = label or node.symbol
        self.nodes.append(node)
        return node.id

    def _span(self, e: ast.AST) -> tuple[int, int]:
        """Where in the formula `e` begins and ends. Python counts columns in bytes of UTF-8."""
        return self._offset(e.lineno, e.col_offset), self._offset(e.end_lineno, e.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def _error(self, e: ast.AST, problem: str, advice: str) -> ExplainerError:
        return ExplainerError(f"{problem} {place(self.formula, *self._span(e))}; {advice}")


def _refusal(e: ast.expr) -> str:
    """Why a formula cannot have `e`."""
    if isinstance(e, ast.Constant):
        return "text is not allowed" if isinstance(e.value, (str, bytes)) else "only real numbers are allowed"
    return (
        "unknown operator" if isinstance(e, (ast.BinOp, ast.UnaryOp)) else REFUSED.get(type(e), "this is not allowed")
    )


def _is_number(e: ast.expr) -> bool:
    return isinstance(e, ast.Constant) and type(e.value) in (int, float)
