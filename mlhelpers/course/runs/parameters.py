"""What a notebook's parameters cell declares, and whether given values fit it.

Read from the source alone: the cell is parsed and never executed. Used by every pipeline stage.
"""

from __future__ import annotations

import ast
import io
import json
import os
import tokenize
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic

from mlhelpers.course.files import read_notebook

CELL_TAG = "parameters"
_BUILTIN_TYPES = (bool, dict, float, frozenset, int, list, object, set, str, tuple)
_SOURCES = {"typing": typing, "pydantic": pydantic}
_PLAIN_NODES = (
    ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.Constant,
    ast.BinOp, ast.BitOr, ast.UnaryOp, ast.USub, ast.UAdd, ast.Call, ast.keyword, ast.Load,
)  # fmt: skip


class ParameterError(ValueError):
    """Values or declarations of parameters are wrong; `problems` lists every one."""

    def __init__(self, notebook: str, problems: list[str]) -> None:
        self.notebook = notebook
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(
            f"{notebook}: {count} with the parameters\n" + "\n".join(f"  - {p}" for p in problems)
        )


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of a notebook.

    Attributes
    ----------
    name : str
    type : str
        Annotation as written, or the name of the default's type.
    required : bool
        Declared with an annotation only, so that a value must be given.
    default : object
        None where `required`.
    help : str
        Comment behind the declaration.
    """

    name: str
    type: str
    required: bool
    default: Any
    help: str
    adapter: pydantic.TypeAdapter = field(repr=False, compare=False)

    def check(self, value: Any) -> Any:
        """Return `value` as the declared type, or raise ``ValueError`` with the reason.

        Parameters
        ----------
        value : object
            A value as YAML or JSON holds it. An integer serves as a float; nothing else is converted.

        Returns
        -------
        object
            Made of None, bool, int, float, str, list and dict only.

        Raises
        ------
        ValueError
            If the type, choice or range does not fit.
        """
        try:
            text = json.dumps(value)
        except TypeError as error:
            raise ValueError(f"got {value!r}, which is not a plain YAML value") from error
        try:
            return self.adapter.dump_python(self.adapter.validate_json(text, strict=True), mode="json")
        except pydantic.ValidationError as error:
            reasons = []
            for detail in error.errors():
                place = "".join(f"[{part!r}]" for part in detail["loc"] if isinstance(part, int))
                reason = detail["msg"].replace("Input should be", "should be").rstrip(".")
                reasons.append(f"{place} {reason}".strip())
            raise ValueError(f"{'; '.join(dict.fromkeys(reasons))}; got {value!r}") from error


def inspect_parameters(path: str | os.PathLike[str]) -> dict[str, Parameter]:
    """Parameters that a notebook declares, without executing it.

    Parameters
    ----------
    path : path-like
        Notebook with at most one cell tagged ``parameters``.

    Returns
    -------
    dict of str to Parameter
        In the order of the cell; empty when no cell carries the tag.

    Raises
    ------
    FileNotFoundError
        If the notebook does not exist.
    ValueError
        If the file is not a notebook.
    ParameterError
        If the cell holds something else than imports and declarations, or a default that its own type
        refuses.
    """
    path = Path(path)
    notebook = read_notebook(path)
    cells = [cell for cell in notebook.cells if CELL_TAG in cell.metadata.get("tags", [])]
    if not cells:
        return {}
    if len(cells) > 1:
        raise ParameterError(path.name, [f"{len(cells)} cells carry the tag {CELL_TAG!r}; keep one"])
    parameters, problems = parse_cell(cells[0].source)
    if problems:
        raise ParameterError(path.name, problems)
    return parameters


def parse_cell(source: str) -> tuple[dict[str, Parameter], list[str]]:
    """Parameters declared by the source of a parameters cell, and what is wrong with it.

    Parameters
    ----------
    source : str
        Python source.

    Returns
    -------
    parameters : dict of str to Parameter
    problems : list of str
        Empty when the cell is sound.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return {}, [f"parameters cell, line {error.lineno}: {error.msg}"]
    comments = _comments(source)
    names: dict[str, Any] = {kind.__name__: kind for kind in _BUILTIN_TYPES} | _SOURCES
    parameters: dict[str, Parameter] = {}
    problems: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= _imported(node)
            continue
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            continue
        try:
            parameter = _declaration(node, names, comments.get(node.end_lineno or node.lineno, ""))
            if parameter.name in parameters:
                raise ValueError(f"{parameter.name} is declared twice")
            parameters[parameter.name] = parameter
        except ValueError as error:
            problems.append(f"parameters cell, line {node.lineno}: {error}")
    return parameters, problems


def _declaration(node: ast.stmt, names: dict[str, Any], comment: str) -> Parameter:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        name, written = node.target.id, ast.unparse(node.annotation)
        adapter = _adapter(node.annotation, names)
        if node.value is None:
            return Parameter(name, written, True, None, comment, adapter)
        default = _literal(name, node.value)
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        default = _literal(name, node.value)
        kind = Any if default is None else type(default)
        written, adapter = getattr(kind, "__name__", "Any"), pydantic.TypeAdapter(kind)
    else:
        line = ast.unparse(node).splitlines()[0]
        raise ValueError(f"`{line}` is not a declaration; keep `name: type = value` and imports only")
    parameter = Parameter(name, written, False, default, comment, adapter)
    try:
        parameter.check(default)
    except ValueError as error:
        raise ValueError(f"the default of {name} does not fit its own type: {error}") from error
    return parameter


def _literal(name: str, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise ValueError(f"the default of {name} must be a literal, not `{ast.unparse(node)}`") from error


def _adapter(annotation: ast.expr, names: dict[str, Any]) -> pydantic.TypeAdapter:
    """Type adapter of an annotation, evaluated with names of typing, pydantic and builtin types only."""
    written = ast.unparse(annotation)
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    for node in ast.walk(annotation):
        private = isinstance(node, ast.Attribute) and node.attr.startswith("_")
        if not isinstance(node, _PLAIN_NODES) or private:
            raise ValueError(f"annotation `{written}` holds something else than types")
        if isinstance(node, ast.Name) and node.id not in names:
            raise ValueError(
                f"annotation `{written}` uses {node.id}, which is not from typing, pydantic or builtins"
            )
        if isinstance(node, ast.Call) and not _from_pydantic(node.func, names):
            called = ast.unparse(node.func)
            raise ValueError(
                f"annotation `{written}` calls `{called}`; only pydantic's calls may stand there"
            )
    code = compile(ast.fix_missing_locations(ast.Expression(annotation)), "<annotation>", "eval")
    try:
        return pydantic.TypeAdapter(eval(code, {"__builtins__": {}}, names))
    except (
        TypeError,
        AttributeError,
        pydantic.PydanticSchemaGenerationError,
        pydantic.PydanticUserError,
    ) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"annotation `{written}` is not a type that can be checked: {reason}") from error


def _from_pydantic(function: ast.expr, names: dict[str, Any]) -> bool:
    if isinstance(function, ast.Name):
        return getattr(names.get(function.id), "__module__", "").startswith(("pydantic", "annotated_types"))
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and names.get(function.value.id) is pydantic
    )


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, Any]:
    """Names that an import statement of the cell takes from typing or pydantic; other imports give none."""
    if isinstance(node, ast.ImportFrom):
        module = _SOURCES.get(node.module or "")
        return {a.asname or a.name: getattr(module, a.name) for a in node.names if hasattr(module, a.name)}
    return {a.asname or a.name: _SOURCES[a.name] for a in node.names if a.name in _SOURCES}


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}
