"""Expressions of a workflow, ``${{ ... }}``: read and evaluated as GitHub does it.

Taught in lesson 8.1. What is left out is refused by name: object filters (``*``) and the functions ``join``,
``toJSON`` and ``fromJSON``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?))"
    r"|(?P<name>[A-Za-z_][\w-]*)|(?P<mark>\|\||&&|==|!=|<=|>=|[<>!().,\[\]]))"
)
INSIDE = re.compile(r"\$\{\{((?:[^'}]|'(?:[^']|'')*'|\}(?!\}))*)\}\}", re.DOTALL)
_LITERALS = {"true": True, "false": False, "null": None}
STATUS = ("success", "failure", "always", "cancelled")


class ExpressionError(ValueError):
    """An expression cannot be read, or names something that a workflow does not know."""


def evaluate(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    """Value of an expression.

    Taught in lesson 8.1.

    Parameters
    ----------
    text : str
        Without ``${{`` and ``}}``.
    contexts : mapping
        By name (``env``, ``steps``, ``needs``, ...), each a mapping; a key that is missing gives None, as in
        GitHub, and None is the empty text: a misspelt step id is silent.
    functions : mapping
        Functions beside `FUNCTIONS`, by name in lower case.

    Returns
    -------
    bool, float, str, mapping or None

    Raises
    ------
    ExpressionError
        If it cannot be read, or names an unknown context or function.
    """
    return _Reader(text, contexts, {**FUNCTIONS, **functions}).whole()


def interpolate(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> str:
    """Text with each ``${{ ... }}`` replaced by its value as text.

    Parameters
    ----------
    text : str
    contexts, functions : mapping
        As for `evaluate`.

    Returns
    -------
    str
    """
    if "${{" in INSIDE.sub("", text):
        raise ExpressionError(f"${{{{ without }}}} in {text!r}")
    return INSIDE.sub(lambda found: as_text(evaluate(found[1], contexts, functions)), text)


def condition(
    text: str | None, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]
) -> bool:
    """Whether an ``if`` holds; without a status function it holds only while nothing has failed.

    Parameters
    ----------
    text : str or None
        With or without ``${{ }}``; None is ``success()``.
    contexts, functions : mapping
        As for `evaluate`; `functions` has the status functions.

    Returns
    -------
    bool
    """
    if text is None or not text.strip():
        return bool(functions["success"]())
    inside = INSIDE.fullmatch(text.strip())
    expression = inside[1] if inside else text
    value = truthy(evaluate(expression, contexts, functions))
    if any(name in STATUS for name, called in names_in(expression) if called):
        return value
    return value and bool(functions["success"]())


def names_in(expression: str) -> list[tuple[str, bool]]:
    """Dotted names of an expression, in lower case, and whether each is called as a function.

    Parameters
    ----------
    expression : str
        Without ``${{`` and ``}}``.

    Returns
    -------
    list of (str, bool)
    """
    tokens = list(_tokens(expression))
    found, at = [], 0
    while at < len(tokens):
        kind, word = tokens[at]
        at += 1
        if kind != "name" or word.lower() in _LITERALS:
            continue
        path = [word.lower()]
        while at + 1 < len(tokens) and tokens[at] == ("mark", ".") and tokens[at + 1][0] == "name":
            path.append(tokens[at + 1][1].lower())
            at += 2
        found.append((".".join(path), at < len(tokens) and tokens[at] == ("mark", "(")))
    return found


def as_text(value: Any) -> str:
    """A value as GitHub writes it into a text.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return "Object" if isinstance(value, Mapping) else str(value)


def truthy(value: Any) -> bool:
    """Whether GitHub takes a value for true: all but false, 0, the empty text and null.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool
    """
    return value not in (None, False, 0, "") and value == value


def _number(value: Any) -> float:
    """A value as a number for a comparison of unlike types; NaN if it is none."""
    if value is None or value == "":
        return 0.0
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if isinstance(left, Mapping) or isinstance(right, Mapping):
        return left is right
    if type(left) is type(right):
        return bool(left == right)
    return _number(left) == _number(right)


def _less(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() < right.lower()
    return _number(left) < _number(right)


def _format(pattern: str, *values: Any) -> str:
    return re.sub(r"\{(\d+)\}", lambda found: as_text(values[int(found[1])]), as_text(pattern))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda where, what: as_text(what).lower() in as_text(where).lower(),
    "startswith": lambda text, start: as_text(text).lower().startswith(as_text(start).lower()),
    "endswith": lambda text, end: as_text(text).lower().endswith(as_text(end).lower()),
    "format": _format,
}


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise ExpressionError(f"cannot read {text[at:].strip()!r} of the expression {text.strip()!r}")
        at, kind = found.end(), str(found.lastgroup)
        yield kind, found[kind]


class _Reader:
    """Recursive descent over the tokens of one expression; `||` binds loosest, `!` tightest."""

    def __init__(self, text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]):
        self.text, self.contexts, self.functions = text.strip(), contexts, functions
        self.tokens, self.at = list(_tokens(text)), 0

    def whole(self) -> Any:
        value = self.either()
        if self.at < len(self.tokens):
            raise self.unread()
        return value

    def unread(self) -> ExpressionError:
        word = self.tokens[self.at][1] if self.at < len(self.tokens) else "its end"
        return ExpressionError(f"cannot read {word!r} of the expression {self.text!r}")

    def took(self, *marks: str) -> str | None:
        if (
            self.at < len(self.tokens)
            and self.tokens[self.at][0] == "mark"
            and self.tokens[self.at][1] in marks
        ):
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def expect(self, mark: str) -> None:
        if not self.took(mark):
            raise self.unread()

    def either(self) -> Any:
        value = self.both()
        while self.took("||"):
            other = self.both()
            value = value if truthy(value) else other
        return value

    def both(self) -> Any:
        value = self.equality()
        while self.took("&&"):
            other = self.equality()
            value = other if truthy(value) else value
        return value

    def equality(self) -> Any:
        value = self.order()
        while mark := self.took("==", "!="):
            value = _equal(value, self.order()) == (mark == "==")
        return value

    def order(self) -> Any:
        value = self.negation()
        while mark := self.took("<", "<=", ">", ">="):
            other = self.negation()
            low, high = (value, other) if mark[0] == "<" else (other, value)
            value = _less(low, high) or (mark.endswith("=") and _equal(low, high))
        return value

    def negation(self) -> Any:
        if self.took("!"):
            return not truthy(self.negation())
        return self.operand()

    def operand(self) -> Any:
        if self.took("("):
            value = self.either()
            self.expect(")")
            return value
        if self.at >= len(self.tokens) or self.tokens[self.at][0] == "mark":
            raise self.unread()
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(int(word, 16)) if "0x" in word else float(word)
        if word.lower() in _LITERALS:
            return _LITERALS[word.lower()]
        if self.took("("):
            return self.call(word)
        if word.lower() not in self.contexts:
            known = ", ".join(sorted(self.contexts))
            raise ExpressionError(f"no context {word!r} in the expression {self.text!r}; known: {known}")
        value = self.contexts[word.lower()]
        while mark := self.took(".", "["):
            value = _item(value, self.key(mark))
        return value

    def key(self, mark: str) -> str:
        if mark == "[":
            key = as_text(self.either())
            self.expect("]")
            return key
        if self.at >= len(self.tokens) or self.tokens[self.at][0] != "name":
            raise self.unread()
        self.at += 1
        return self.tokens[self.at - 1][1]

    def call(self, name: str) -> Any:
        values = []
        while not self.took(")"):
            values.append(self.either())
            if not self.took(","):
                self.expect(")")
                break
        function = self.functions.get(name.lower())
        if function is None:
            known = ", ".join(sorted(self.functions))
            raise ExpressionError(f"no function {name!r} in the expression {self.text!r}; known: {known}")
        try:
            return function(*values)
        except (TypeError, IndexError) as problem:
            raise ExpressionError(f"{name} in the expression {self.text!r}: {problem}") from None


def _item(value: Any, key: str) -> Any:
    """Entry of a mapping whatever the case of its key; None where there is none."""
    if not isinstance(value, Mapping):
        return None
    if key in value:
        return value[key]
    return next((found for name, found in value.items() if str(name).lower() == key.lower()), None)
