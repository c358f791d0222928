"""Pages of a report: a model card in Markdown, any tables and figures in HTML.

Taught in lesson 5.5 (documenting validation); part of `mlhelpers.validation.report`.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from mlhelpers.data.frames import require_unique_columns

REQUIRED = ("name", "version", "purpose", "not_for", "data", "metrics", "limitations")
_TABLES = {
    "metrics": "Metrics",
    "confusion": "Confusion matrix",
    "threshold": "Decision threshold",
    "calibration": "Calibration",
    "residuals": "Residuals",
    "comparison": "Against the model that runs now",
    "fairness": "Metrics by group",
    "disparities": "Distances between groups",
    "stress": "Stress tests",
    "gates": "Gates",
    "parameters": "Parameters",
}
_TEMPLATE = """\
# Model card: {{ card.name }} {{ card.version }}

## Purpose

{{ card.purpose }}

Not for: {{ card.not_for }}

## Data

{{ data }}
{% for title, table in tables %}

## {{ title }}

{{ table }}
{% endfor %}

## Limitations

{% for item in limitations %}
- {{ item }}
{% endfor %}
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; border-bottom: 1px solid #ccc; }
td { text-align: right; } img { max-width: 100%; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for heading, kind, content in parts %}
<h2>{{ heading }}</h2>
{% if kind == "image" %}
<img alt="{{ heading }}" src="data:image/png;base64,{{ content }}">
{% elif kind == "table" %}
{{ content | safe }}
{% elif kind == "list" %}
<ul>
{% for item in content %}
<li>{{ item }}</li>
{% endfor %}
</ul>
{% else %}
<p>{{ content }}</p>
{% endif %}
{% endfor %}
</body>
</html>
"""


def model_card(card: Mapping[str, Any]) -> str:
    """Model card in Markdown.

    Taught in lesson 5.5. No figure is typed: what the card says is what was measured.

    Parameters
    ----------
    card : mapping
        Required: name, version, purpose, not_for (texts), data (mapping, such as rows, period, hash), metrics
        (DataFrame or mapping) and limitations (list of texts). Optional, each a DataFrame or a mapping:
        confusion, threshold, calibration, residuals, comparison, fairness, disparities, stress, gates,
        parameters.

    Returns
    -------
    str
        Markdown; numbers rounded to 4 digits.

    Raises
    ------
    ValueError
        If a required field is missing or empty, or a field is not known.
    """
    from jinja2 import Environment, StrictUndefined

    absent = [name for name in REQUIRED if name not in card or _is_empty(card[name])]
    if absent:
        raise ValueError(f"model card: fields missing or empty: {', '.join(absent)}")
    unknown = [name for name in card if name not in (*REQUIRED, *_TABLES)]
    if unknown:
        raise ValueError(
            f"model card: unknown fields {', '.join(unknown)}; there are also {', '.join(_TABLES)}"
        )
    template = Environment(  # Markdown, not HTML: nothing to escape
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    ).from_string(_TEMPLATE)
    return template.render(
        card=card,
        data=markdown_table(card["data"]),
        tables=[
            (title, markdown_table(card[name]))
            for name, title in _TABLES.items()
            if name in card and not _is_empty(card[name])
        ],
        limitations=list(card["limitations"]),
    )


def html_report(title: str, parts: Iterable[tuple[str, Any]]) -> str:
    """Report as one HTML page without outside files.

    Taught in lesson 5.5.

    Parameters
    ----------
    title : str
        Of the page.
    parts : iterable of (heading, content)
        Content is a text, a list of texts, a DataFrame, a mapping, a matplotlib figure or axes, or the bytes
        of a PNG. All text is escaped.

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment, StrictUndefined

    rendered = []
    for heading, content in parts:
        figure = getattr(content, "figure", content)
        if hasattr(figure, "savefig"):
            buffer = io.BytesIO()
            # Without the library's version in the file, the same figure gives the same page.
            figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight", metadata={"Software": None})
            rendered.append((heading, "image", base64.b64encode(buffer.getvalue()).decode()))
        elif isinstance(content, bytes):
            rendered.append((heading, "image", base64.b64encode(content).decode()))
        elif isinstance(content, list | tuple):
            rendered.append((heading, "list", [str(item) for item in content]))
        elif isinstance(content, pd.DataFrame | Mapping):
            table = _table(content)
            rendered.append((heading, "table", table.map(_text).to_html(index=False, border=0)))
        else:
            rendered.append((heading, "text", str(content)))
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    ).from_string(_PAGE)
    return template.render(title=title, parts=rendered)


def _is_empty(value: Any) -> bool:
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def _table(content: pd.DataFrame | Mapping[str, Any]) -> pd.DataFrame:
    if isinstance(content, Mapping):
        return pd.DataFrame({"name": list(content), "value": list(content.values())}, dtype=object)
    table = content if isinstance(content.index, pd.RangeIndex) else content.reset_index()
    require_unique_columns(table, "a table of the report")
    return table


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "-" if pd.isna(value) else f"{round(value, 4):,.12g}"
    return "-" if value is None else str(value)


def markdown_table(content: pd.DataFrame | Mapping[str, Any]) -> str:
    """Table in Markdown, numbers rounded to 4 digits; bars, HTML and dollar signs in a text stay text.

    Taught in lesson 5.5.

    Parameters
    ----------
    content : DataFrame or mapping
        An index that is not a range becomes columns.

    Returns
    -------
    str
    """
    table = _table(content)
    lines = [[str(name) for name in table.columns], ["---"] * table.shape[1]]
    lines += table.astype(object).map(_text).to_numpy().tolist()
    rule = lines.pop(1)
    cells = [[_cell(text) for text in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in [cells[0], rule, *cells[1:]])


def _cell(text: str) -> str:
    """Text that a reader of Markdown shows as it is: no column, tag, entity or formula of its own."""
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;").replace("\n", " ")
    return re.sub(r"(?<!\\)\$", r"\\$", text).replace("|", "\\|")
