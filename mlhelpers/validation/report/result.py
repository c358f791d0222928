"""A validation report as one object: it holds what was measured, and every text is written from that.

Taught in lesson 5.5 (documenting validation); part of `mlhelpers.validation.report`.
"""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.artifacts import write_json, write_text
from mlhelpers.data.hashing import write_atomically
from mlhelpers.validation.gates import Gate, GateReport
from mlhelpers.validation.report.pages import html_report, markdown_table, model_card


@dataclass(frozen=True, repr=False)
class ValidationReport:
    """What was measured, in tables and pictures; made by `validation_report`.

    A report whose parts contradict each other cannot be made: metrics must follow from the confusion matrix,
    gates from the figures, and groups must hold all rows.

    Attributes
    ----------
    name, version, task, purpose, not_for : str
        Of the model; task is "classification" or "regression".
    limitations : tuple of str
    data : mapping
        Rows, and of a classification the positives.
    identity : mapping of str to str
        Hashes that say which data, model and settings the figures belong to.
    figures : mapping of str to float
        Every number that a gate can ask for.
    metrics : DataFrame
        Columns metric, value, low, high.
    confusion : DataFrame or None
        Rows "actual 0", "actual 1"; columns "predicted 0", "predicted 1".
    tables : mapping of str to DataFrame or mapping
        Further parts: threshold, calibration or residuals, fairness, stress, parameters.
    gates : GateReport or None
    plots : mapping of str to bytes
        PNG pictures by title.
    """

    name: str
    version: str
    task: str
    purpose: str
    not_for: str
    limitations: tuple[str, ...]
    data: Mapping[str, Any]
    identity: Mapping[str, str]
    figures: Mapping[str, float]
    metrics: pd.DataFrame
    confusion: pd.DataFrame | None = None
    tables: Mapping[str, Any] = field(default_factory=dict)
    gates: GateReport | None = None
    plots: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self):
        wrong = contradictions(self)
        if wrong:
            raise ValueError(f"the report contradicts itself: {'; '.join(wrong)}")

    @property
    def verdict(self) -> str:
        """One sentence: what became of the gates."""
        if self.gates is None:
            return "No gates were given."
        n = len(self.gates.table)
        if self.gates.passed:
            return f"All {n} gates passed."
        failed = self.gates.table[~self.gates.table["passed"]]
        return f"{len(failed)} of {n} gates failed: {', '.join(failed['figure'])}."

    def card(self) -> str:
        """Model card in Markdown: the same figures on one page, without the pictures."""
        parts: dict[str, Any] = {"metrics": self.metrics, **self.tables}
        if self.confusion is not None:
            parts["confusion"] = self.confusion
        if self.gates is not None:
            parts["gates"] = _gate_table(self.gates)
        texts = {key: getattr(self, key) for key in ("name", "version", "purpose", "not_for", "limitations")}
        return model_card({**texts, "data": {**self.data, **_short(self.identity)}, **parts})

    def to_markdown(self, *, images: Mapping[str, str] | None = None) -> str:
        """Full report in Markdown; `images` maps titles of `plots` to the addresses of their files."""
        blocks = [f"# Validation report: {self.name} {self.version}"]
        for heading, content in self._sections():
            if isinstance(content, bytes):
                if heading in (images or {}):
                    blocks.append(f"![{heading}]({images[heading]})")
                continue
            blocks.append(f"## {heading}")
            if isinstance(content, str):
                blocks.append(content)
            elif isinstance(content, tuple):
                blocks.append("\n".join(f"- {item}" for item in content))
            else:
                blocks.append(markdown_table(content))
        return "\n\n".join(blocks) + "\n"

    def to_html(self) -> str:
        """Full report as one HTML page that needs no other file; all text is escaped."""
        return html_report(f"Validation report: {self.name} {self.version}", self._sections())

    def save(self, folder: str | Path) -> Path:
        """Write report.md, report.html, card.md, figures.json and the pictures, each atomically.

        Returns
        -------
        Path
            The folder.
        """
        folder = Path(folder)
        images = {title: f"{_slug(title)}.png" for title in self.plots}
        for title, picture in self.plots.items():
            write_atomically(folder / images[title], lambda path, data=picture: path.write_bytes(data))
        write_text(self.to_markdown(images=images), folder / "report.md")
        write_text(self.to_html(), folder / "report.html")
        write_text(self.card(), folder / "card.md")
        finite = {name: value for name, value in self.figures.items() if math.isfinite(value)}
        write_json({"identity": dict(self.identity), "figures": finite}, folder / "figures.json")
        return folder

    def log_to_mlflow(self, *, store: str, run_id: str | None = None, experiment: str | None = None) -> str:
        """Keep the report beside the run that it describes.

        Taught in lesson 5.5.

        Parameters
        ----------
        store : str
            Address from `mlhelpers.training.start_store`.
        run_id : str, optional
            A run that is there. Its tags must hold the report's identity: the same value for each name, and
            at least one name in common.
        experiment : str, optional
            In place of `run_id`: a run of its own is made in this experiment.

        Returns
        -------
        str
            The run id. Files are in its folder ``report``, figures are metrics, and the tags
            ``report_gates`` and ``report_sha256`` (of report.html) are set.

        Raises
        ------
        ValueError
            If the run is another one than the report is about; nothing is written then. If both or none of
            `run_id` and `experiment` are given.
        """
        from mlhelpers.training.tracking import client, quiet, track_run

        if (run_id is None) == (experiment is None):
            raise ValueError("give either run_id, the run to log into, or experiment, for a new run")
        finite = {name: value for name, value in self.figures.items() if math.isfinite(value)}
        tags = {
            "report_gates": "none" if self.gates is None else "passed" if self.gates.passed else "failed",
            "report_sha256": hashlib.sha256(self.to_html().encode()).hexdigest(),
        }
        with tempfile.TemporaryDirectory() as temporary:
            folder = self.save(Path(temporary) / "report")
            if run_id is None:
                name = f"{self.name} {self.version}"
                tags = {**self.identity, **tags}
                return track_run(
                    str(experiment), store=store, metrics=finite, tags=tags, artifacts=[folder], name=name
                )
            mlflow = client(store)
            with quiet():
                require_same_identity(self.identity, mlflow.get_run(run_id).data.tags, run_id)
                for name, value in finite.items():
                    mlflow.log_metric(run_id, name, value)
                for name, value in tags.items():
                    mlflow.set_tag(run_id, name, value)
                mlflow.log_artifacts(run_id, str(folder), "report")
        return run_id

    def _sections(self) -> list[tuple[str, Any]]:
        parts: list[tuple[str, Any]] = [
            ("Verdict", self.verdict),
            ("Purpose", f"{self.purpose} Not for: {self.not_for}"),
            ("Data", {**self.data, **_short(self.identity)}),
            ("Metrics", self.metrics),
        ]
        if self.gates is not None:
            parts.insert(1, ("Gates", _gate_table(self.gates)))
        if self.confusion is not None:
            parts.append(("Confusion matrix", self.confusion))
        titles = {"threshold": "Decision threshold", "fairness": "Metrics by group", "stress": "Stress tests"}
        titles["comparison"] = "Against the model that runs now"
        parts += [(titles.get(key, key.capitalize()), table) for key, table in self.tables.items()]
        parts += list(self.plots.items())
        return [*parts, ("Limitations", tuple(self.limitations))]

    def __repr__(self) -> str:
        return f"ValidationReport({self.name} {self.version}, {self.task}, {self.verdict})"

    def _repr_html_(self) -> str:
        head = f"<p><b>{escape(self.name)} {escape(self.version)}</b>: {escape(self.verdict)}</p>"
        return head + self.metrics.round(3).to_html(index=False)


def _gate_table(gates: GateReport) -> pd.DataFrame:
    rows = gates.table.itertuples()
    return pd.DataFrame(
        [
            {
                "figure": row.figure,
                "value": shown_beside_limit(row.value, row.limit),
                "limit": f"{row.rule} {row.limit:g}",
                "result": "passed" if row.passed else "FAILED",
            }
            for row in rows
        ]
    )


def _short(identity: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:12] for name, value in identity.items()}


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


_FROM_COUNTS = {
    "accuracy": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),
    "recall": lambda tp, fp, fn, tn: (tp, tp + fn),
    "specificity": lambda tp, fp, fn, tn: (tn, tn + fp),
    "f1": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),
}


def contradictions(report: ValidationReport) -> list[str]:
    """One sentence for each pair of parts that do not agree; empty for a report that may be used."""
    checks = (_metric_errors, _count_errors, _gate_errors, _group_errors)
    return [sentence for check in checks for sentence in check(report)]


def shown_beside_limit(value: float, limit: float, *, digits: int = 3) -> str:
    """Figure as text, with as many digits as it takes to stay on its side of a limit.

    Taught in lesson 5.5: 0.7996 beside a limit of 0.80 must not be shown as 0.80.

    Parameters
    ----------
    value, limit : float
        Figure and limit.
    digits : int, default=3
        Decimals where nothing is at stake.

    Returns
    -------
    str
    """
    if not math.isfinite(value):
        return str(value)
    side = np.sign(value - limit)
    for decimals in range(digits, 17):
        text = f"{value:.{decimals}f}"
        if np.sign(float(text) - limit) == side:
            return text
    return repr(float(value))


def require_same_identity(identity: Mapping[str, str], tags: Mapping[str, str], run_id: str) -> None:
    """Raise a ValueError unless the tags of a run hold the hashes of a report."""
    common = [name for name in identity if name in tags]
    if not common:
        raise ValueError(
            f"run {run_id} has none of the tags {', '.join(identity) or '(the report has no identity)'}; "
            "nothing shows that the report is about it"
        )
    for name in common:
        if identity[name] != tags[name]:
            raise ValueError(
                f"the report is not about run {run_id}: {name} is {identity[name][:12]} in the report, "
                f"{tags[name][:12]} in the run"
            )


def _metric_errors(report: ValidationReport) -> list[str]:
    wrong = []
    for row in report.metrics.itertuples():
        for name, value in (
            (row.metric, row.value),
            (f"{row.metric}_low", row.low),
            (f"{row.metric}_high", row.high),
        ):
            if not np.isclose(report.figures.get(name, np.nan), value, equal_nan=True, rtol=1e-9, atol=1e-12):
                wrong.append(
                    f"{name} is {value:.4g} in the metrics, {report.figures.get(name)} in the figures"
                )
    return wrong


def _count_errors(report: ValidationReport) -> list[str]:
    if report.confusion is None:
        return []
    (tn, fp), (fn, tp) = report.confusion.to_numpy().tolist()
    wrong = []
    if tn + fp + fn + tp != report.data.get("rows"):
        wrong.append(
            f"the confusion matrix holds {tn + fp + fn + tp} rows, the data {report.data.get('rows')}"
        )
    for name, rule in _FROM_COUNTS.items():
        top, bottom = rule(tp, fp, fn, tn)
        value = top / bottom if bottom else np.nan
        typed = report.figures.get(name, value)
        if not np.isclose(typed, value, equal_nan=True, rtol=1e-9, atol=1e-12):
            wrong.append(f"{name} is {typed:.4g}, the confusion matrix gives {value:.4g}")
    return wrong


def _gate_errors(report: ValidationReport) -> list[str]:
    if report.gates is None:
        return []
    wrong = []
    for row in report.gates.table.itertuples():
        value = report.figures.get(row.figure, np.nan)
        if not np.isclose(value, row.value, equal_nan=True, rtol=0, atol=0):
            wrong.append(f"the gate {row.figure} saw {row.value:.6g}, the figure is {value:.6g}")
        elif Gate(row.figure, row.rule, row.limit).passes(row.value) != row.passed:
            wrong.append(f"the gate {row.figure} is marked {'passed' if row.passed else 'failed'}")
    return wrong


def _group_errors(report: ValidationReport) -> list[str]:
    table = report.tables.get("fairness")
    if table is None:
        return []
    sums = table.groupby("by")["n"].sum()
    off = sums[sums != report.data.get("rows")]
    return [f"groups by {by} hold {n} rows, the data {report.data.get('rows')}" for by, n in off.items()]
