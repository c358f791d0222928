"""Rules L001-L019: the parts of a lesson, their order and their size.

They hold for lessons; the title (L001) also for the start notebook and for pipeline stages.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from mlhelpers.course.lessons.document import EVERY, LESSON, START, Document, is_check, rule, sentences

Found = Iterator[tuple[int, str]]
OPENING = ("What you will learn", "Map", "The question")
CLOSING = ("In production", "Check yourself", "Exercise", "Summary", "References", "Next")
# First line of a map: Mermaid's own colors set white on lilac, and a dark theme would set black on dark.
MAP_STYLE = (
    '%%{init: {"theme": "default", "themeVariables": '
    '{"git0": "#cfe3f5", "gitBranchLabel0": "#000", "cScaleLabel3": "#000"}}}%%'
)
COMMON_WAY, BY_HAND = "The common way", "By hand, then with the helper"
MORE_TRAPS = "More traps"
CELLS = (20, 45)
WORDS = (1500, 2500)
TRAPS = 3


@rule("L001", EVERY)
def title(document: Document) -> Found:
    """First line is the title, with the number and words of the syllabus."""
    first = document.cells[0].source.splitlines()[0] if document.cells and document.cells[0].source else ""
    if document.kind == LESSON and document.lesson is None:
        yield 1, f"notebooks/syllabus.yml has no lesson with the file {document.path.name}; add it there"
    elif document.lesson is not None:
        wanted = f"# {document.lesson.number} {document.lesson.title}"
        if first != wanted:
            yield 1, f"the first line must be `{wanted}`, as in the syllabus"
    elif not first.startswith("# "):
        yield 1, "the first line must be a title, `# ...`"


@rule("L002", {LESSON, START})
def promise(document: Document) -> Found:
    """A sentence below the title says what the reader gets."""
    lines = document.sections[0].text.splitlines()[1:]
    if not any(sentences(line) for line in lines if " · " not in line):
        yield 1, "below the title must stand one sentence that says what the lesson gives"


@rule("L003", {LESSON})
def front_line(document: Document) -> Found:
    """Minutes, prerequisites, helpers and the Binder badge stand in one line, as the syllabus has them."""
    if document.lesson is None:
        return
    wanted = front_matter(document.lesson)
    lines = [line for line in document.sections[0].text.splitlines() if re.match(r"\d+ min · ", line)]
    if not lines:
        yield 1, f"the front line is missing; write `{wanted} · [badge]`"
        return
    parts = lines[0].replace("`", "").split(" · ")
    if " · ".join(parts[:3]) != wanted:
        yield 1, f"the front line must begin `{wanted}`, as in the syllabus"
    if len(parts) != 4 or "mybinder.org" not in parts[3]:
        yield 1, "the front line must end with the Binder badge"


def front_matter(lesson) -> str:
    """First three parts of a lesson's front line."""
    after = f"after {', '.join(lesson.prerequisites)}" if lesson.prerequisites else "no prerequisites"
    return f"{lesson.read_minutes} min · {after} · helpers: {', '.join(lesson.helpers) or 'none'}"


@rule("L004", {LESSON})
def sections(document: Document) -> Found:
    """All parts are there and in order."""
    wanted = [*OPENING, COMMON_WAY, *CLOSING]
    if document.lesson is not None and document.lesson.helpers:
        wanted.insert(len(OPENING) + 1, BY_HAND)
    titles = [section.title.lower() for section in document.sections]
    places: dict[str, int] = {}
    for name in wanted:
        place = next((n for n, t in enumerate(titles) if t.startswith(name.lower())), None)
        if place is None:
            yield 0, f"the section `## {name}` is missing"
        else:
            places[name] = place
    ordered = [name for name in (*OPENING, *CLOSING) if name in places]
    for before, after in itertools.pairwise(ordered):
        if places[before] > places[after]:
            yield document.sections[places[after]].cell, f"`## {after}` must come after `## {before}`"
    for name in (COMMON_WAY, BY_HAND):
        outside = places.get(OPENING[-1], 0) > places.get(name, 10**6) or places.get(name, 0) > places.get(
            CLOSING[0], 10**6
        )
        if name in places and outside:
            yield (
                document.sections[places[name]].cell,
                f"`## {name}` belongs between `## The question` and `## In production`",
            )


@rule("L005", {LESSON})
def objectives(document: Document) -> Found:
    """Three to five objectives."""
    yield from _bullets(document, "What you will learn", 3, 5)


@rule("L006", {LESSON})
def mind_map(document: Document) -> Found:
    """The map is a Mermaid mind map of 8-20 nodes with a sentence above it."""
    section = document.section("Map")
    if section is None:
        return
    above, _, rest = section.text.partition("```mermaid")
    nodes = mindmap_nodes(rest)
    if nodes is None:
        yield section.cell, "the map must be a block ```mermaid that holds a `mindmap`"
    elif not rest.lstrip().startswith(MAP_STYLE):
        yield section.cell, f"the first line of the map must be `{MAP_STYLE}`, so that all of it can be read"
    elif not 8 <= nodes <= 20:
        yield section.cell, f"the map has {nodes} nodes; keep 8 to 20"
    if not sentences(above):
        yield section.cell, "above the map must stand a sentence that says what it shows"


def mindmap_nodes(block: str) -> int | None:
    """Nodes of a Mermaid mind map, its root included; None when `block` is not one."""
    lines = [line.strip() for line in block.partition("```")[0].splitlines()]
    lines = [line for line in lines if line and not line.startswith(("%%", "::"))]
    return len(lines) - 1 if lines and lines[0] == "mindmap" else None


@rule("L007", {LESSON})
def question(document: Document) -> Found:
    """The question is three to six sentences."""
    yield from _sentences(document, "The question", 3, 6)


@rule("L008", {LESSON})
def check_yourself(document: Document) -> Found:
    """Three to five questions with folded answers."""
    section = document.section("Check yourself")
    if section is not None:
        opened, closed = section.text.count("<details>"), section.text.count("</details>")
        if opened != closed:
            yield section.cell, f"{opened} <details> but {closed} </details>; close every answer"
        if not 3 <= opened <= 5:
            yield section.cell, f"{opened} questions with a folded answer (<details>); keep 3 to 5"


@rule("L009", {LESSON})
def exercise(document: Document) -> Found:
    """The exercise is linked."""
    section = document.section("Exercise")
    if section is not None and not re.search(r"\]\([^)]*exercises/[^)]+\)", section.text):
        yield section.cell, "link the exercise, as in [Exercise 2.3](../../exercises/02_data/...)"


@rule("L010", {LESSON})
def summary(document: Document) -> Found:
    """Three to six findings."""
    yield from _bullets(document, "Summary", 3, 6)


@rule("L011", EVERY)
def placeholders(document: Document) -> Found:
    """Nothing is left to be filled in."""
    for number, cell in enumerate(document.cells, 1):
        if "TODO" in cell.source:
            yield number, "replace the placeholder marked TODO"


@rule("L012", {LESSON})
def size(document: Document) -> Found:
    """20-45 cells, check cells apart."""
    count = sum(1 for cell in document.cells if not is_check(cell))
    if not CELLS[0] <= count <= CELLS[1]:
        yield 0, f"{count} cells; keep {CELLS[0]} to {CELLS[1]}, split a longer lesson"


@rule("L013", {LESSON})
def balance(document: Document) -> Found:
    """More prose cells than code cells."""
    prose, code = sum(1 for _ in document.prose()), sum(1 for _ in document.shown_code())
    if prose <= code:
        yield 0, f"{prose} prose cells and {code} code cells; prose must be more"


@rule("L014", {LESSON})
def production(document: Document) -> Found:
    """In production: three to eight sentences."""
    yield from _sentences(document, "In production", 3, 8)


@rule("L015", {LESSON})
def references(document: Document) -> Found:
    """At least one reference."""
    section = document.section("References")
    if section is not None and not re.search(r"^\s*(?:[-*]|\d+\.)\s+\S", section.text, re.MULTILINE):
        yield section.cell, "list at least one reference as a bullet"


@rule("L016", {LESSON})
def next_step(document: Document) -> Found:
    """The next lesson is named by its number."""
    section = document.section("Next")
    if section is None or document.lesson is None or document.syllabus is None:
        return
    following = document.syllabus.after(document.lesson)
    if following is not None and following.number not in section.text:
        yield section.cell, f"name the next lesson, {following.number} {following.title}"


@rule("L017", {LESSON})
def duplicate_headings(document: Document) -> Found:
    """No two sections with one title."""
    seen: set[str] = set()
    for section in document.sections:
        if section.title and section.title.lower() in seen:
            yield section.cell, f"the heading `## {section.title}` stands there twice"
        seen.add(section.title.lower())


@rule("L018", {LESSON})
def words(document: Document) -> Found:
    """1,500 to 2,500 words of prose, or a reason in the metadata."""
    count = sum(
        len(re.sub(r"```.*?```", " ", cell.source, flags=re.DOTALL).split()) for _, cell in document.prose()
    )
    if not WORDS[0] <= count <= WORDS[1] and not document.reason("L018"):
        yield (
            0,
            f"{count:,} words of prose; keep {WORDS[0]:,} to {WORDS[1]:,}, "
            'or say why in the metadata: {"mle": {"reasons": {"L018": "..."}}}',
        )


@rule("L019", {LESSON})
def traps(document: Document) -> Found:
    """At most three traps, each below a `###` heading of the common way where there are several."""
    section = document.section(COMMON_WAY)
    if section is not None:
        count = len(re.findall(r"^### ", section.text, re.MULTILINE))
        if count > TRAPS and not document.reason("L019"):
            advice = f"at most {TRAPS}: move the others into `## {MORE_TRAPS}` or leave them out"
            yield section.cell, f"{count} traps in `## {COMMON_WAY}`; {advice}"


def _bullets(document: Document, name: str, least: int, most: int) -> Found:
    section = document.section(name)
    if section is not None:
        count = len(re.findall(r"^(?:[-*]|\d+\.)\s+\S", section.text, re.MULTILINE))
        if not least <= count <= most:
            yield section.cell, f"`## {name}` has {count} bullets; keep {least} to {most}"


def _sentences(document: Document, name: str, least: int, most: int) -> Found:
    section = document.section(name)
    if section is not None:
        count = sentences(section.opening)
        if not least <= count <= most:
            yield section.cell, f"`## {name}` has {count} sentences; keep {least} to {most}"
