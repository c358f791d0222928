"""The service's pages for people: a form that asks it, the description of its API, its model card.

Taught in lesson 7.2 (REST APIs). Plain HTML without scripts and without an outside address.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from mlhelpers.packaging.bundle import Bundle
from mlhelpers.packaging.rows import Problem
from mlhelpers.serving.answers import Answer, Refusal

HTML = b"text/html; charset=utf-8"
KEY_FIELD = "api-key"  # no column's name can stand in its way: fields of columns begin with "row."
REASONS = 3
_HEADERS = (
    # the page carries its style and nothing else is fetched, run, framed or told where it came from
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } .small { font-size: .875rem; opacity: .8; }
form { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .75rem 1.5rem; }
label { display: block; font-weight: 600; }
input, select { width: 100%; font: inherit; box-sizing: border-box; }
button { font: inherit; padding: .4rem 1.2rem; } .whole { grid-column: 1 / -1; }
.wrong { color: #b00020; } .answer { border-left: 4px solid #0072b2; padding-left: 1rem; margin: 1.5rem 0; }
.number { font-size: 2rem; font-weight: 700; } pre { overflow-x: auto; padding: .75rem; background: #8882; }
table { border-collapse: collapse; } td, th { padding: .2rem .75rem .2rem 0; text-align: left; }
"""


def page(title: str, body: str, status: int = 200) -> Answer:
    """Answer that is an HTML page; `title` is text, `body` is HTML."""
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
    head += f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style>'
    return Answer(status, f"{head}\n{body}\n".encode(), HTML, _HEADERS)


def home_page(
    bundle: Bundle,
    *,
    keys: bool,
    values: Mapping[str, str] | None = None,
    explanation: Mapping[str, Any] | None = None,
    refusal: Refusal | None = None,
) -> Answer:
    """What the service is, a form with a row, and the answer to the row that was sent.

    Taught in lesson 7.2.

    Parameters
    ----------
    bundle : Bundle
        The champion.
    keys : bool
        Whether the form asks for an API key.
    values : mapping of str to str, optional
        Texts in the fields; those of the bundle's example without it.
    explanation : mapping, optional
        Of the row that was sent, as ``/v1/explain`` gives it.
    refusal : Refusal, optional
        Why the row was not answered.

    Returns
    -------
    Answer
        HTML; its status is that of the refusal.
    """
    if values is None:
        values = texts_of(bundle, bundle.example["request"]["rows"][0])
    problems = {problem.column: problem for problem in (refusal.problems if refusal else ())}
    parts = [f"<h1>{escape(bundle.name)} {escape(bundle.version)}</h1>"]
    purpose = _purpose(bundle.model_card)
    if purpose:
        parts.append(f"<p>{escape(purpose)}</p>")
    output = bundle.output
    if bundle.classes is None:
        kind, more = "a number", f"from {output['min']:g} to {output['max']:g}"
    else:
        kind, more = "a class", escape(", ".join(bundle.classes))
    parts.append(
        f'<p class="small">Answers each row of {len(bundle.signature)} columns with {kind}: '
        f"{escape(str(output['description']))}, {more}."
        f" Bundle {bundle.sha256[:12]}.</p>"
    )
    parts.append(
        '<p><a href="docs">API description</a> · <a href="card">Model card</a> · '
        '<a href="metrics">Metrics</a> · <a href="openapi.json">OpenAPI document</a></p>'
    )
    if refusal is not None:
        parts.append(f'<p class="wrong answer" role="alert">{escape(_told(refusal))}</p>')
    elif explanation is not None:
        parts.append(_answer(bundle, explanation, values))
    fields = "\n".join(_field(column, values, problems.get(column["name"])) for column in bundle.signature)
    key = ""
    if keys:
        entry = f'<input type="password" name="{KEY_FIELD}" autocomplete="off">'
        key = f'<div class="whole"><label>API key {entry}</label></div>'
    parts.append(
        f'<h2>Ask for one row</h2><form method="post" action="?">{fields}\n{key}'
        '<div class="whole"><button>Ask</button></div></form>'
    )
    return page(f"{bundle.name} {bundle.version}", "\n".join(parts), refusal.status if refusal else 200)


def card_page(bundle: Bundle) -> Answer:
    """The model card, as the text that it is."""
    title = f"Model card of {bundle.name} {bundle.version}"
    return page(title, f'<p><a href="./">{escape(bundle.name)}</a></p><pre>{escape(bundle.model_card)}</pre>')


def docs_page(document: Mapping[str, Any]) -> Answer:
    """The API description: each operation of an OpenAPI document with its example and its answers.

    Taught in lesson 7.2.
    """
    info = document["info"]
    parts = [f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"]
    parts.append('<p><a href="./">The service</a> · <a href="openapi.json">This page as OpenAPI</a></p>')
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(operation['summary'])}{_key_told(operation)}.</p>")
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                parts.append(f"<p>Example, as <code>{escape(kind)}</code>:</p>{_pre(content.get('example'))}")
            rows = "".join(
                f"<tr><td>{escape(status)}</td><td>{escape(answer['description'])}</td></tr>"
                for status, answer in operation["responses"].items()
            )
            parts.append(f"<table><tr><th>status</th><th>answer</th></tr>{rows}</table>")
    return page(f"{info['title']}: API", "\n".join(parts))


def read_form(body: bytes, bundle: Bundle) -> tuple[dict[str, str], dict[str, Any], str]:
    """Texts in the fields of a form that was sent, the row that they are, and the API key.

    Raises
    ------
    Refusal
        400 if the body is no form of this page.
    """
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=len(bundle.signature) + 1
        )
    except (UnicodeDecodeError, ValueError):
        raise Refusal(400, "the body is not the form of this page; send rows to /v1/predict") from None
    fields = dict(pairs)
    key = fields.pop(KEY_FIELD, "")
    wanted = {f"row.{column['name']}": column for column in bundle.signature}
    if len(pairs) != len(dict(pairs)) or set(fields) != set(wanted):
        raise Refusal(400, "the form has other fields than this page's; load the page again")
    values = {column["name"]: fields[name].strip() for name, column in wanted.items()}
    return values, {name: _cell(values[name], wanted[f"row.{name}"]) for name in values}, key


def texts_of(bundle: Bundle, row: Mapping[str, Any]) -> dict[str, str]:
    """Texts that stand for the values of a row in the fields of the form."""
    return {name: "" if row.get(name) is None else str(row[name]) for name in bundle.columns}


def _cell(text: str, column: Mapping[str, Any]) -> Any:
    """Value of a field; what cannot be a number stays a text, which the check of rows names."""
    if not text:
        return None
    if column["type"] == "category":
        return text
    for kind in (int, float):
        try:
            return kind(text) if len(text) < 400 and "_" not in text else text
        except ValueError:
            continue
    return text


def _field(column: Mapping[str, Any], values: Mapping[str, str], problem: Problem | None) -> str:
    name, value = escape(column["name"]), values[column["name"]]
    gap = ", may be empty" if column["nullable"] else ""
    if column["categories"]:
        choices = [*([""] if column["nullable"] else []), *map(str, column["categories"])]
        if value not in choices:
            choices.append(value)
        options = "".join(
            f"<option{' selected' if choice == value else ''}>{escape(choice)}</option>" for choice in choices
        )
        entry, about = f'<select name="row.{name}">{options}</select>', "one of these"
    else:
        entry = f'<input name="row.{name}" value="{escape(value)}" inputmode="decimal" autocomplete="off">'
        about = " ".join(
            part
            for part in (
                "whole" if column["type"] == "integer" else "",
                "" if column["min"] is None else f"{column['min']:g} to {column['max']:g}",
                escape(column["unit"] or ""),
            )
            if part
        )
    wrong = f'<div class="wrong small">{escape(problem.problem)}</div>' if problem is not None else ""
    return f'<div><label>{name} {entry}</label><div class="small">{about}{gap}</div>{wrong}</div>'


def _answer(bundle: Bundle, explanation: Mapping[str, Any], values: Mapping[str, str]) -> str:
    typical = {column["name"]: column["typical"] for column in bundle.signature}
    found, base = explanation["probability"], explanation["typical_probability"]
    reasons = sorted(
        ((name, part) for name, part in explanation["contributions"].items() if part),
        key=lambda item: (-abs(item[1]), item[0]),
    )[:REASONS]
    listed = "".join(
        f"<li><b>{escape(name)}</b> is {escape(values[name] or 'empty')}, "
        f"typically {escape(str(typical[name]))}: {100 * part:+.1f} points</li>"
        for name, part in reasons
    )
    why = f"<p>What moved it most:</p><ol>{listed}</ol>" if reasons else "<p>This is the typical row.</p>"
    name = explanation.get("class")
    number = f"{found:.1%}" if name is None else f"{escape(name)} {found:.1%}"
    about = escape(str(bundle.output["description"])) if name is None else "probability of this class"
    return (
        f'<div class="answer" role="status"><div class="number">{number}</div>'
        f"<div>{about}; a typical row gets {base:.1%}.</div>{why}</div>"
    )


def _told(refusal: Refusal) -> str:
    named: Sequence[str] = [f"{problem.column}: {problem.problem}" for problem in refusal.problems]
    return "; ".join([refusal.detail, *named][:6])


def _purpose(card: str) -> str:
    """First line below "Purpose" in a model card, or ``""``."""
    lines = iter(card.splitlines())
    for line in lines:
        if line.startswith("#") and line.strip("# ").lower() == "purpose":
            return next((text.strip() for text in _until_heading(lines) if text.strip()), "")
    return ""


def _until_heading(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith("#"):
            return
        yield line


def _key_told(operation: Mapping[str, Any]) -> str:
    return "; needs the header X-API-Key" if operation.get("security") else ""


def _pre(example: Any) -> str:
    text = example if isinstance(example, str) else json.dumps(example, indent=1, ensure_ascii=False)
    lines = text.splitlines()
    shown = "\n".join(lines[:24] + ([f"... {len(lines) - 24} lines more"] if len(lines) > 24 else []))
    return f"<pre>{escape(shown)}</pre>"
