"""What slides and handouts share: a lesson's prose as points, its map and formulas without a network."""

from __future__ import annotations

import base64
import functools
import html
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

MAP = re.compile(r"^```mermaid\n(.*?)^```", re.DOTALL | re.MULTILINE)
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^$\n]+?)\$(?![\d$])", re.DOTALL)
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_LOCAL_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)[^)]*\)")
_SENTENCE = re.compile(r"[.?!](?:[*_\"”)\]]*)(?=\s|$)")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|no|Fig|approx)|\b[A-Z])\.$")
_BLOCK = re.compile(r"^(?:[-*] |\d+\. |\||>|```|\$\$|<|#)")


class Node(NamedTuple):
    """A node of a mind map and those below it."""

    text: str
    below: list[Node]


def read_map(source: str) -> Node:
    """Root of a mermaid mind map.

    Parameters
    ----------
    source : str
        What stands in the block: ``mindmap``, then a node a line, deeper ones further indented.

    Returns
    -------
    Node

    Raises
    ------
    ValueError
        If it is no mind map.
    """
    lines = [line for line in source.splitlines() if line.strip() and not line.strip().startswith("%%")]
    if len(lines) < 2 or lines[0].strip() != "mindmap":
        raise ValueError("the map is no mermaid `mindmap` with a root")
    root, path = None, []
    for line in lines[1:]:
        depth = len(line) - len(line.lstrip())
        text = re.sub(r"^\w*(?:\(\(|\[\[|\{\{|\(|\[)(.*?)(?:\)\)|\]\]|\}\}|\)|\])$", r"\1", line.strip())
        node = Node(text.strip('"'), [])
        while path and path[-1][0] >= depth:
            path.pop()
        if root is None:
            root = node
        else:
            (path[-1][1] if path else root).below.append(node)
        path.append((depth, node))
    return root


def map_html(root: Node) -> str:
    """A mind map as HTML on one line: the root, and a column for each branch with its leaves."""
    branches = "".join(
        f'<div class="branch" style="border-color:{COLORS[n % len(COLORS)]}"><b>{html.escape(node.text)}</b>'
        f"{_leaves(node)}</div>"
        for n, node in enumerate(root.below)
    )
    return (
        f'<div class="map"><div class="root">{html.escape(root.text)}</div>'
        f'<div class="branches">{branches}</div></div>'
    )


def _diagram(source: str) -> str:
    """A mind map drawn; the source of any other diagram, which only a browser with a network could draw."""
    try:
        return map_html(read_map(source))
    except ValueError:
        return f"```text\n{source}```"


def _leaves(node: Node) -> str:
    items = "".join(f"<li>{html.escape(leaf.text)}{_leaves(leaf)}</li>" for leaf in node.below)
    return f"<ul>{items}</ul>" if items else ""


def offline(markdown: str) -> str:
    """Markdown that needs no network and no other file: maps and formulas drawn, links to files as text."""
    markdown = MAP.sub(lambda match: _diagram(match[1]), markdown)
    parts = _CODE.split(markdown)
    for index in range(0, len(parts), 2):
        text = _LOCAL_LINK.sub(r"\1", parts[index])
        parts[index] = _FORMULA.sub(lambda m: formula_html(m[1] or m[2], display=bool(m[1])), text)
    return "".join(parts)


@functools.cache
def formula_html(tex: str, *, display: bool = False) -> str:
    """A formula as a picture within HTML; what cannot be drawn stays as its source."""
    from matplotlib import mathtext, rc_context

    drawn = re.sub(r"\\text\{([^}]*)\}", lambda m: r"\mathrm{" + m[1].replace(" ", r"\ ") + "}", tex.strip())
    drawn = drawn.rstrip(",. ")
    buffer = io.BytesIO()
    try:
        with rc_context({"svg.hashsalt": "formula", "mathtext.fontset": "dejavusans"}):
            mathtext.math_to_image(f"${drawn}$", buffer, format="svg", dpi=72)
    except (ValueError, RuntimeError):
        return f"<code>{html.escape(tex)}</code>"
    picture = re.sub(rb"<metadata>.*?</metadata>", b"", buffer.getvalue(), flags=re.DOTALL)
    height = float(re.search(rb'height="([\d.]+)pt"', picture)[1]) / 10  # drawn at 10 points
    picture = base64.b64encode(picture).decode()
    tag = (
        f'<img class="formula" alt="{html.escape(tex.strip(), quote=True)}" style="height:{height:.2f}em" '
        f'src="data:image/svg+xml;base64,{picture}">'
    )
    return f"\n\n<p>{tag}</p>\n\n" if display else tag


def paragraphs(markdown: str) -> list[str]:
    """Paragraphs, lists, tables and blocks of a text; a fenced block and `<details>` stay whole."""
    found: list[str] = []
    open_until = ""
    for part in re.split(r"\n\s*\n", markdown.strip()):
        if open_until:
            found[-1] += f"\n\n{part}"
        elif part.strip():
            found.append(part.strip("\n"))
        if open_until and open_until in part:
            open_until = ""
        elif not open_until:
            if part.count("```") % 2:
                open_until = "```"
            elif "<details" in part and "</details>" not in part:
                open_until = "</details>"
    return found


def lead(paragraph: str, *, least: int = 45) -> str:
    """Its first sentence, or more until there are `least` signs; lists, tables and blocks stay whole."""
    if _BLOCK.match(paragraph.lstrip()):
        return paragraph
    text = " ".join(paragraph.split())
    for match in _SENTENCE.finditer(text):
        sentence = text[: match.end()]
        if (
            len(sentence) >= least
            and _closed(sentence)
            and not _ABBREVIATION.search(text[: match.start() + 1])
        ):
            return sentence
    return text


def _closed(text: str) -> bool:
    """Whether no code, formula, bold or link is open at the end of `text`."""
    return not any(text.count(mark) % 2 for mark in ("`", "$", "**")) and text.count("[") <= text.count("]")


def questions(markdown: str) -> Iterator[tuple[str, str]]:
    """Question and answer of each entry of `Check yourself`."""
    for entry in re.split(r"^(?=\d+\. )", markdown, flags=re.MULTILINE):
        if not re.match(r"\d+\. ", entry):
            continue
        question, _, rest = entry.partition("<details>")
        answer = re.sub(r"<summary>.*?</summary>|</details>", "", rest, flags=re.DOTALL)
        yield re.sub(r"^\d+\. ", "", question).strip(), answer.strip()
