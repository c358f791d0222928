"""Values for the parameters of a notebook: read from YAML or text, and checked against the declarations.

Used by `mle run`, which checks all of them before a kernel starts.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlhelpers.course.runs.parameters import CELL_TAG, Parameter, ParameterError

# Scalars of YAML 1.2: `010` is ten and `1:30` is text. YAML 1.1, which PyYAML reads, makes 8 and 90 of them.
_INTEGER = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_WORDS = {word: value for value, words in (
    (None, ("~", "null", "Null", "NULL", "None")),
    (True, ("true", "True", "TRUE")),
    (False, ("false", "False", "FALSE")),
) for word in words}  # fmt: skip
_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}


@dataclass(frozen=True)
class Given:
    """A value for a parameter together with the place it comes from."""

    value: Any
    source: str
    text: str | None = None


def check_values(
    notebook: str, declared: Mapping[str, Parameter], given: Iterable[tuple[str, Given]]
) -> dict[str, Any]:
    """Check the given values against the declarations, all of them at once.

    Parameters
    ----------
    notebook : str
        Name for messages.
    declared : mapping of str to Parameter
        From `inspect_parameters`.
    given : iterable of (str, Given)
        Names and values; of a name given twice the later value counts, but each must fit.

    Returns
    -------
    dict
        The values to inject, converted to the declared types.

    Raises
    ------
    ParameterError
        With every unknown name, wrong type or value, and missing required parameter.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    tried: set[str] = set()
    for name, entry in given:
        tried.add(name)
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            if near:
                advice = f"did you mean {near[0]}?"
            elif declared:
                advice = f"the notebook has {', '.join(declared)}"
            else:
                advice = f"the notebook has no cell tagged {CELL_TAG!r}"
            problems.append(f"{name} ({entry.source}): unknown parameter; {advice}")
            continue
        try:
            values[name] = _fit(declared[name], entry)
        except ValueError as error:
            problems.append(f"{name} ({entry.source}): {error}")
    for parameter in declared.values():
        if parameter.required and parameter.name not in tried:
            problems.append(
                f"{parameter.name}: required ({parameter.type}) but not given; add -p {parameter.name} VALUE"
            )
    if problems:
        raise ParameterError(notebook, problems)
    return values


def _fit(parameter: Parameter, entry: Given) -> Any:
    """Value of `entry`; the declared type decides what a text from the command line means.

    ``-p code 007`` is a number or a text, ``-p quiet yes`` a switch or a text, whichever the parameter takes.
    """
    try:
        return parameter.check(entry.value)
    except ValueError:
        if entry.text is None:
            raise
        readings = [entry.text]
        if entry.text.lower() in _SWITCHES:
            readings.append(_SWITCHES[entry.text.lower()])
        for reading in readings:
            with contextlib.suppress(ValueError):
                return parameter.check(reading)
        raise


def read_parameters(
    files: Sequence[str | os.PathLike[str]], sections: Sequence[str] = ()
) -> list[tuple[str, Given]]:
    """Values in YAML files, each with the file and section it comes from.

    Parameters
    ----------
    files : sequence of path-like
    sections : sequence of str
        Sections to take, in order; dots go deeper. None takes the whole file.

    Returns
    -------
    list of (str, Given)

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If a file is not valid YAML, or a section is missing or not a mapping.
    """
    import yaml

    given = []
    if sections and not files:
        raise ValueError("--section needs a parameters file; add -f params.yaml")
    for file in files:
        if not Path(file).is_file():
            raise FileNotFoundError(f"parameters file {file} does not exist")
        try:
            content = yaml.load(Path(file).read_text(encoding="utf-8"), Loader=_loader())
        except yaml.YAMLError as error:
            raise ValueError(f"{file} is not valid YAML: {str(error).replace(chr(10), ' ')}") from error
        for section in sections or [None]:
            values, source = content, str(file)
            for key in section.split(".") if section else []:
                if not isinstance(values, dict) or key not in values:
                    has = ", ".join(map(str, values)) if isinstance(values, dict) else "none"
                    raise ValueError(f"{file} has no section {section!r}; sections there: {has}")
                values, source = values[key], f"{file}, section {section}"
            if not isinstance(values, dict | None):
                raise ValueError(f"{source} must hold `name: value` lines, not {type(values).__name__}")
            given += [(str(name), Given(value, source)) for name, value in (values or {}).items()]
    return given


def from_text(name: str, text: str) -> Given:
    """Value of ``-p NAME VALUE``; the text is kept for parameters that take a string.

    A number, ``true``, ``false``, ``null`` and ``None`` are read as such, ``[...]`` and ``{...}`` as YAML;
    all else is the text as typed, a ``#`` included.
    """
    import yaml

    value: Any = text
    plain = text.strip()
    if plain in _WORDS:
        value = _WORDS[plain]
    elif _INTEGER.match(plain) or _FLOAT.match(plain) or plain[:1] in ("[", "{"):
        with contextlib.suppress(yaml.YAMLError):
            value = yaml.load(plain, Loader=_loader())
    return Given(value, f"-p {name}", text)


def _loader():
    """YAML loader that keeps dates as text, as papermill's does, and reads numbers as YAML 1.2 and DVC do."""
    import yaml

    own = [f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "int", "float")]

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [pair for pair in pairs if pair[0] not in own]
            for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    def integer(loader: Loader, node: yaml.ScalarNode) -> int:
        text = loader.construct_scalar(node)
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)

    Loader.add_implicit_resolver(own[1], _INTEGER, list("-+0123456789"))
    Loader.add_implicit_resolver(own[2], _FLOAT, list("-+.0123456789"))
    Loader.add_constructor(own[1], integer)
    return Loader
