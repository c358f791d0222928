"""Rules L020-L038: code cells and their stored outputs.

They keep outputs stable under nbval: executed in order, no warnings, no addresses, no folders of one machine.
"""

from __future__ import annotations

import ast
import base64
import io
import itertools
import re
import tokenize
from collections.abc import Iterator

from mlhelpers.course.lessons.document import (
    CHECK_TAG,
    EVERY,
    LESSON,
    PIPELINE,
    STORED,
    Document,
    asserts,
    is_check,
    makes_figure,
    output_texts,
    rule,
    sentences,
)
from mlhelpers.course.normal_form import ADDRESS, STYLER_ID, dumps
from mlhelpers.course.runs.parameters import CELL_TAG, parse_cell

Found = Iterator[tuple[int, str]]
LINES, FIGURE_LINES = 15, 25
FIGURE_KILOBYTES = 100
IGNORED_SHARE = 0.15
WIDTH = 120
IGNORE_TAG = "nbval-ignore-output"

_FOLDER = re.compile(
    r"(?<![\w.:/~])/(?:home|Users|root|tmp|var|usr|opt|mnt|srv|work|private|workspace)/[\w.-]+|\b[A-Z]:\\\\?\w[\w\\.-]*"
)


@rule("L020", EVERY)
def length(document: Document) -> Found:
    """Code cells of at most 15 lines, 25 where a figure is made and in pipelines; parameters may be many."""
    for number, cell in document.code():
        if CELL_TAG in cell.metadata.get("tags", []):
            continue
        lines = sum(1 for line in cell.source.splitlines() if line.strip())
        limit = FIGURE_LINES if makes_figure(cell) or document.kind == PIPELINE else LINES
        if lines > limit:
            yield number, f"{lines} lines of code; at most {limit}: split the cell or move code into a helper"


@rule("L021", EVERY)
def semicolon(document: Document) -> Found:
    """No semicolon at the end of a line."""
    for number, cell in document.code():
        if _ends_with_semicolon(cell.source):
            yield number, "no `;` at the end of a line; name the result instead, as in `ax = ...`"


def _ends_with_semicolon(source: str) -> bool:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    line_end = (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER)
    return any(a.string == ";" and b.type in line_end for a, b in itertools.pairwise(tokens))


@rule("L022", STORED)
def order(document: Document) -> Found:
    """Every code cell was executed, in order."""
    for expected, (number, cell) in enumerate(document.code(), 1):
        if cell.get("execution_count") != expected:
            yield (
                number,
                f"execution count {cell.get('execution_count')} instead of {expected}; run `mle lesson save`",
            )
            return


@rule("L023", STORED)
def warnings(document: Document) -> Found:
    """Nothing was written to stderr."""
    for number, cell in document.code():
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield number, "the output holds warnings (stderr); repair their cause"


@rule("L024", STORED)
def errors(document: Document) -> Found:
    """No exception is stored, except where the lesson means it."""
    for number, cell in document.code():
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            yield (
                number,
                "the output is an exception; catch it and print it, or tag the cell raises-exception",
            )


@rule("L025", STORED)
def folders(document: Document) -> Found:
    """No absolute paths in outputs."""
    for number, cell in document.code():
        found = next((match for text in output_texts(cell) if (match := _FOLDER.search(text))), None)
        if found:
            yield number, f"the output holds the absolute path {found.group()}; print it relative to a folder"


@rule("L026", STORED)
def addresses(document: Document) -> Found:
    """No memory addresses in outputs."""
    for number, cell in document.code():
        if any(ADDRESS.search(text) for text in output_texts(cell)):
            yield (
                number,
                "the output holds a memory address; name the result, show a styled table by HTML()",
            )


@rule("L027", STORED)
def figure_size(document: Document) -> Found:
    """Figures of at most 100 kB."""
    for number, cell in document.code():
        for output in cell.outputs:
            for mime, value in output.get("data", {}).items():
                if mime.startswith("image/"):
                    size = len(value) if mime == "image/svg+xml" else len(base64.b64decode(value))
                    if size > FIGURE_KILOBYTES * 1000:
                        advice = f"at most {FIGURE_KILOBYTES}: use_style(), fewer points"
                        yield number, f"the figure takes {size / 1000:.0f} kB; {advice}"


@rule("L028", STORED)
def ignored_share(document: Document) -> Found:
    """Outputs are ignored on at most 15% of the code cells."""
    cells = [cell for _, cell in document.code()]
    ignored = sum(_ignored(cell) for cell in cells)
    if ignored > IGNORED_SHARE * len(cells):
        yield 0, f"{ignored} of {len(cells)} code cells carry {IGNORE_TAG}; at most {IGNORED_SHARE:.0%}"


@rule("L029", STORED)
def ignored_is_asserted(document: Document) -> Found:
    """An ignored output is checked by an assertion in its cell, the next, or a check cell of the section."""
    cells = list(document.code())
    for place, (number, cell) in enumerate(cells):
        title = document.section_of(number)
        later = [c for n, c in cells[place:] if is_check(c) and document.section_of(n) == title]
        following = [c for _, c in cells[place : place + 2]] + later
        if _ignored(cell) and not any(asserts(c) for c in following):
            yield (
                number,
                f"{IGNORE_TAG} without an assertion in this code cell, the next or a check cell; "
                "assert with a tolerance",
            )


def _ignored(cell) -> bool:
    return IGNORE_TAG in cell.metadata.get("tags", []) or "NBVAL_IGNORE_OUTPUT" in cell.source


@rule("L030", STORED)
def alt_text(document: Document) -> Found:
    """Every figure has alt text, as metadata or as the sentence above it."""
    for number, cell in document.code():
        if makes_figure(cell) and not cell.metadata.get("alt"):
            above = document.cells[number - 2] if number > 1 else None
            if above is None or above.cell_type != "markdown" or not sentences(above.source):
                yield (
                    number,
                    'the figure has no alt text; write a sentence above it or set the cell metadata "alt"',
                )


@rule("L031", STORED)
def normal_form(document: Document) -> Found:
    """The file is as `mle lesson save` writes it."""
    if dumps(document.notebook) != document.path.read_text(encoding="utf-8"):
        yield 0, "the file is not in normal form; run `mle lesson save`"


@rule("L032", STORED)
def styler_ids(document: Document) -> Found:
    """Styled tables have ids of their own."""
    for number, cell in document.code():
        if any(STYLER_ID.search(text) for text in output_texts(cell)):
            yield number, 'the styled table has a random id; add .set_uuid("name")'


@rule("L033", STORED)
def width(document: Document) -> Found:
    """Printed lines of at most 120 characters."""
    for number, cell in document.code():
        texts = [
            output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs
        ]
        shown = any("text/html" in output.get("data", {}) for output in cell.outputs)
        longest = max((len(line) for text in texts for line in text.splitlines()), default=0)
        if longest > WIDTH and not shown:
            yield number, f"an output line has {longest} characters; at most {WIDTH}: select columns or round"


@rule("L034", {PIPELINE})
def stage_parameters(document: Document) -> Found:
    """The parameters cell of a stage can be checked before it runs."""
    tagged = [(n, c) for n, c in document.code() if CELL_TAG in c.metadata.get("tags", [])]
    if len(tagged) != 1:
        yield 0, f"{len(tagged)} cells carry the tag {CELL_TAG!r}; a stage has one"
    for number, cell in tagged:
        for problem in parse_cell(cell.source)[1]:
            yield number, problem


@rule("L035", EVERY)
def total_order(document: Document) -> Found:
    """Sorts that break ties the same way on every processor."""
    for number, cell in document.code():
        for call in _calls(cell.source):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if name in _SORTS and not _breaks_ties(name, call):
                yield (
                    number,
                    f"`{name}` leaves ties to the processor: give a last key that is unique, "
                    'as in `sort_values(["score", "id"])`, or add `kind="stable"` to rows that have an order',
                )
            vectorizer = {name, getattr(call.func, "id", "")} & _VECTORIZERS
            if vectorizer and any(keyword.arg == "max_features" for keyword in call.keywords):
                yield number, "`max_features` leaves ties to the processor: choose the vocabulary yourself"


CHECK_HEAD = "# check: what the text says"


@rule("L036", EVERY)
def check_cells(document: Document) -> Found:
    """Check cells assert, show nothing, and their source is hidden."""
    for number, cell in document.code():
        if not is_check(cell):
            continue
        if not cell.source.startswith(CHECK_HEAD) or not asserts(cell):
            yield number, f"a check cell begins with `{CHECK_HEAD}` and asserts something"
        if cell.outputs:
            yield number, "a check cell shows something; print it in the cell that it checks"
        if not cell.metadata.get("jupyter", {}).get("source_hidden"):
            yield number, 'a check cell has the metadata {"jupyter": {"source_hidden": true}}'


@rule("L037", {LESSON})
def text_assertions(document: Document) -> Found:
    """Figures of the text are asserted in check cells; assertions that teach stay in sight."""
    for number, cell in document.shown_code():
        for node in ast.walk(_tree(cell.source)):
            if isinstance(node, ast.Assert) and _quotes_a_number(node.test):
                yield (
                    number,
                    f"`assert {ast.unparse(node.test)[:60]}` serves the text; move it into a check cell "
                    f"below: tag `{CHECK_TAG}`, source hidden, first line `{CHECK_HEAD}`",
                )


def _quotes_a_number(test: ast.expr) -> bool:
    """Whether a comparison has a side that is a number of the text (zero and one are none)."""
    sides = [
        side
        for node in ast.walk(test)
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
    ]
    closeness = [
        argument
        for node in ast.walk(test)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in ("isclose", "allclose", "approx")
        for argument in node.args[:2]
    ]
    return any(
        isinstance(number, ast.Constant)
        and isinstance(number.value, int | float)
        and not isinstance(number.value, bool)
        and number.value not in (0, 1)
        for side in [*sides, *closeness]
        for number in ([side.operand] if isinstance(side, ast.UnaryOp) else [side])
    )


@rule("L038", {LESSON})
def printed_tables(document: Document) -> Found:
    """Tables are rendered, not printed."""
    for number, cell in document.code():
        for call in _calls(cell.source):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "to_string":
                yield number, "`to_string()` prints a table; end the cell with the frame, or `display(frame)`"


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:  # a cell with a magic
        return ast.Module([], [])


_SORTS = {"sort_values", "argsort", "argpartition", "partition"}
_VECTORIZERS = {"TfidfVectorizer", "CountVectorizer"}


def _calls(source: str) -> list[ast.Call]:
    return [node for node in ast.walk(_tree(source)) if isinstance(node, ast.Call)]


def _breaks_ties(name: str, call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    kind = given.get("kind")
    if isinstance(kind, ast.Constant) and kind.value in ("stable", "mergesort"):
        return True
    # `str.partition(" ")` splits a text
    if name == "partition":
        return not (isinstance(call.func.value, ast.Name) and call.func.value.id in ("np", "numpy"))
    by = given.get("by") or (call.args[0] if call.args else None)
    return name == "sort_values" and isinstance(by, ast.List) and len(by.elts) > 1
