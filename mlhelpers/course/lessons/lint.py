"""The rules of the style as a linter for notebooks, behind `mle lesson check`.

Rules live in `lint_structure`, `lint_code`, `lint_prose`; each has a code and says which cell and what to do.
"""

from __future__ import annotations

import json
import os

from mlhelpers.course.lessons import lint_code, lint_prose, lint_structure  # noqa: F401  (they register)
from mlhelpers.course.lessons.document import RULES, Finding, load_document, notebook_path


def check_lesson(path: str | os.PathLike[str]) -> list[Finding]:
    """Check a notebook against the rules for its kind.

    Parameters
    ----------
    path : path-like
        Lesson, start notebook or pipeline stage; the kind follows from its place.

    Returns
    -------
    list of Finding
        In the order of the cells; empty when all rules hold.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a notebook.
    """
    document = load_document(path)
    findings = [
        Finding(code, cell, message)
        for code, (kinds, function) in RULES.items()
        if document.kind in kinds
        for cell, message in function(document)
    ]
    return sorted(findings, key=lambda finding: (finding.cell, finding.code))


def command(args) -> int:
    """Run the subcommand `mle lesson check`."""
    results = {str(file): check_lesson(file) for file in map(notebook_path, args.files)}
    if args.json:
        print(
            json.dumps(
                {file: [f._asdict() for f in findings] for file, findings in results.items()}, indent=2
            )
        )
    else:
        for file, findings in results.items():
            for finding in findings:
                where = f"cell {finding.cell}" if finding.cell else "file"
                print(f"{file}: {where}: {finding.code} {finding.message}")
            print(f"{file}: {'ok' if not findings else f'{len(findings)} to repair'}")
    return 1 if any(results.values()) else 0
