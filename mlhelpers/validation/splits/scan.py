"""Scan a split for leaks: rows, groups and dates on both sides, features that know the target.

Taught in lesson 5.1 (robust validation sets).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.splits.columns import BothSides, FeatureScore, score_feature
from mlhelpers.validation.splits.folds import dates_of
from mlhelpers.validation.splits.result import FINDING_COLUMNS, SEVERITIES, LeakageReport

__all__ = ["leakage_scan"]

FEWEST = 10  # labels of each kind on each side, below which no feature is judged
_MIX = np.uint64(0x9E3779B97F4A7C15)


def leakage_scan(
    train: pd.DataFrame,
    test: pd.DataFrame,
    *,
    target: str,
    groups: str | Sequence[str] | None = None,
    time: str | None = None,
    key: str | Sequence[str] | None = None,
    gap_days: float = 0,
    look: float = 0.85,
    alarm: float = 0.95,
    id_share: float = 0.95,
    max_rows: int = 5,
) -> LeakageReport:
    """Look for what makes a test score too good: overlaps of the two sides, the target in disguise.

    Taught in lesson 5.1. Overlaps are those of rows, groups, keys and dates. The order of the rows changes no
    count; it only decides which rows are shown.

    Parameters
    ----------
    train, test : DataFrame of shape (n_train, n_columns), (n_test, n_columns)
        With the same columns, the target among them.
    target : str
        Column of labels 0 and 1.
    groups : str or sequence of str, optional
        Columns whose values may not be on both sides, each by itself: customer, card, device.
    time : str, optional
        Column of dates; every test row must be later than every training row.
    key : str or sequence of str, optional
        Columns that name a row. They are left out when rows are compared, since a copy often has a new name.
    gap_days : float, default=0
        Days that must lie between the last training row and the first test row, with `time`.
    look, alarm : float, default=0.85 and 0.95
        A feature whose own AUC is at least so high, at the lower end of its 95% interval, is a finding of
        medium and of high severity.
    id_share : float, default=0.95
        A column of text or whole numbers with at least this share of different values is called ID-like.
    max_rows : int, default=5
        Rows shown per finding.

    Returns
    -------
    LeakageReport

    Raises
    ------
    ValueError
        If the two sides have other columns, one is empty, a named column is missing, or the target has gaps
        or values other than 0 and 1.

    Notes
    -----
    A number is judged by the AUC of its ranks and by that of its gaps alone. A category is judged on the test
    rows by the target rates of the training rows. A feature that rises and falls is not found that way, nor
    is a leak that needs two features.
    """
    keys, owners = _listed(key), _listed(groups)
    for side, frame in (("train", train), ("test", test)):
        require_unique_columns(frame, side)
    _check(train, test, target, [*keys, *owners, *_listed(time)])
    scan = _Scan(len(train), len(test), max_rows)
    y = np.concatenate([train[target].to_numpy(), test[target].to_numpy()]).astype(bool)
    sides = y[: len(train)], y[len(train) :]
    judged = min(min(side.sum(), (~side).sum()) for side in sides) >= FEWEST
    named = {*keys, *owners, *_listed(time), target}
    whole, scores = np.zeros(len(y), dtype=np.uint64), []
    owned: dict[str, np.ndarray] = {}
    for name in train.columns:
        if name in keys or name == target:
            continue
        column = BothSides(train[name], test[name])  # one at a time, so that little memory is taken
        whole = (whole ^ column.hashes()) * _MIX
        whole ^= whole >> np.uint64(29)
        if name in owners:
            owned[name] = column.codes()
        if name in named:
            continue
        _look_at(scan, column, str(name), id_share)
        if judged and column.n_values + (column.n_gaps > 0) > 1:
            scores.append(score_feature(column, str(name), y))
    _compare_rows(scan, whole, y)
    for name in owners:
        codes = owned[name] if name in owned else BothSides(train[name], test[name]).codes()
        scan.overlap("group on both sides", name, codes)
    if keys:
        scan.overlap("key on both sides", ", ".join(keys), _key_codes(train, test, keys))
    if time is not None:
        _compare_times(scan, train[time], test[time], time, gap_days)
    if judged:
        scan.checks.append("feature predicts the target")
        for score in scores:
            _judge(scan, score, look, alarm)
    features = pd.DataFrame(
        [(s.column, s.kind, s.auc, s.low) for s in scores], columns=["column", "kind", "auc", "low"]
    ).sort_values(["auc", "column"], ascending=[False, True], ignore_index=True)
    return LeakageReport(len(train), len(test), scan.table(), features, tuple(scan.checks))


class _Scan:
    """Findings while they are collected."""

    def __init__(self, n_train: int, n_test: int, max_rows: int) -> None:
        self.n_train, self.n_test, self.max_rows = n_train, n_test, max_rows
        self.rows: list[tuple] = []
        self.checks: list[str] = []

    def add(
        self, severity: str, check: str, column: str, broken: np.ndarray | None, note: str, count: int = 1
    ) -> None:
        listed: list[int] = []
        of = self.n_train + self.n_test
        if broken is not None:
            rows = np.flatnonzero(broken)
            listed, count, of = rows[: self.max_rows].tolist(), len(rows), self.n_test
        self.rows.append((severity, check, column, int(count), int(of), note, listed))

    def overlap(self, check: str, column: str, codes: np.ndarray) -> None:
        self.checks.append(check)
        trained = np.zeros(codes.max(initial=-1) + 1, dtype=bool)
        trained[codes[: self.n_train][codes[: self.n_train] >= 0]] = True
        tested = codes[self.n_train :]
        broken = (tested >= 0) & trained[tested] if len(trained) else np.zeros(len(tested), dtype=bool)
        if broken.any():
            n_shared = len(np.unique(tested[broken]))
            self.add("high", check, column, broken, f"{n_shared:,} values on both sides")

    def table(self) -> pd.DataFrame:
        table = pd.DataFrame(self.rows, columns=FINDING_COLUMNS)
        order = table["severity"].map(SEVERITIES.index).astype(int)
        place = table["check"].map(self.checks.index).astype(int)
        ranked = table.assign(order=order, place=place)
        ranked = ranked.sort_values(
            ["order", "place", "count", "column"], ascending=[True, True, False, True]
        )
        return ranked[FINDING_COLUMNS].reset_index(drop=True)


def _listed(names: str | Sequence[str] | None) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def _check(train: pd.DataFrame, test: pd.DataFrame, target: str, named: list[str]) -> None:
    if not len(train) or not len(test):
        raise ValueError("train and test need at least one row each")
    only = set(train.columns) ^ set(test.columns)
    if only:
        raise ValueError(f"columns on one side only: {', '.join(sorted(map(str, only)))}")
    absent = [name for name in [target, *named] if name not in train.columns]
    if absent:
        raise ValueError(f"columns not in the frames: {', '.join(absent)}")
    for side, frame in (("train", train), ("test", test)):
        if not frame[target].isin([0, 1]).all():
            raise ValueError(f"the target {target!r} of {side} must be 0 or 1 in every row")


def _key_codes(train: pd.DataFrame, test: pd.DataFrame, keys: list[str]) -> np.ndarray:
    mixed = np.zeros(len(train) + len(test), dtype=np.uint64)
    for name in keys:
        mixed = (mixed ^ BothSides(train[name], test[name]).hashes()) * _MIX
    return pd.factorize(mixed)[0]


def _look_at(scan: _Scan, column: BothSides, name: str, id_share: float) -> None:
    for check in ("constant column", "ID-like column"):
        if check not in scan.checks:
            scan.checks.append(check)
    n_rows = scan.n_train + scan.n_test
    if column.n_values <= 1 and (column.n_gaps == 0 or column.n_values == 0):
        scan.add("low", "constant column", name, None, "the same value in every row", n_rows)
    elif column.whole and column.n_values >= max(id_share * n_rows, 20):
        scan.add(
            "low", "ID-like column", name, None, f"{column.n_values:,} different values", column.n_values
        )


def _compare_rows(scan: _Scan, whole: np.ndarray, y: np.ndarray) -> None:
    scan.checks += ["row on both sides", "features on both sides, other label"]
    n_train = scan.n_train
    labelled = (whole ^ y.astype(np.uint64)) * _MIX
    copies = pd.Series(labelled[n_train:]).isin(labelled[:n_train]).to_numpy()
    alike = pd.Series(whole[n_train:]).isin(whole[:n_train]).to_numpy() & ~copies
    for check, broken, severity in (
        ("row on both sides", copies, "high" if copies.mean() >= 0.001 else "medium"),
        ("features on both sides, other label", alike, "medium"),
    ):
        if broken.any():
            scan.add(severity, check, "", broken, f"{broken.mean():.2%} of the test rows")


def _compare_times(scan: _Scan, train: Any, test: Any, name: str, gap_days: float) -> None:
    scan.checks += ["test not after training", "gap too short"]
    trained, tested = dates_of(train, scan.n_train), dates_of(test, scan.n_test)
    last = trained.max()
    early = tested <= last
    if early.any():
        scan.add("high", "test not after training", name, early, f"training ends {pd.Timestamp(last)}")
    short = ~early & (tested < last + np.timedelta64(round(gap_days * 86_400_000_000), "us"))
    if short.any():
        scan.add("medium", "gap too short", name, short, f"less than {gap_days:g} days after training")


def _judge(scan: _Scan, score: FeatureScore, look: float, alarm: float) -> None:
    if score.low >= look:
        severity = "high" if score.low >= alarm else "medium"
        note = f"AUC {score.auc:.3f} alone" + (", by its gaps" if score.by_gaps else "")
        scan.add(
            severity, "feature predicts the target", score.column, None, note, scan.n_train + scan.n_test
        )
