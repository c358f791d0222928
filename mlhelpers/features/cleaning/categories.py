"""Spellings of a category brought back to one, with a list of what was decided and why.

Taught in lesson 3.1.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlhelpers.features.base import ColumnTransform
from mlhelpers.features.cleaning.base import by_column, check_choice, levels, stack

SCORERS = ("osa", "ratio", "token_sort")
_REVIEW = ["column", "value", "count", "proposal", "score", "second", "decision"]


class _Match(NamedTuple):
    result: Any
    proposal: str | None
    score: float
    second: float
    decision: str


class CategoryRepairer(ColumnTransform):
    """Bring misspelt categories back to the known ones by normalization, aliases and fuzzy matching.

    Taught in lesson 3.1. Normalization ignores case, spaces, hyphens and underscores. What then is not known
    is compared with every known category; it is repaired if the best score reaches `threshold` and is at
    least `margin` above the second best. The rule is learned on training data and applied unchanged to new
    data.

    Parameters
    ----------
    known : sequence of str or mapping of column to such a sequence, optional
        The categories. If omitted, or for columns not in the mapping, those with a share of at least
        `min_share` in training, each in its most frequent spelling.
    aliases : mapping of str to str, or mapping of column to such a mapping, optional
        Known category of synonyms that no similarity of letters finds: ``{"month to month": "monthly"}``.
    threshold : float, default=65
        Least similarity for a repair, 0 to 100.
    margin : float, default=10
        Least distance to the second best.
    scorer : {"osa", "ratio", "token_sort"}, default="osa"
        ``"osa"``: edits per letter, where two swapped neighbors are one edit. ``"ratio"`` and
        ``"token_sort"``: as in rapidfuzz.
    unknown : {"keep", "nan", "error"}, default="keep"
        What becomes of a value without a decision, ambiguous ones included.
    min_share : float, default=0.01
        See `known`.

    Attributes
    ----------
    known_ : list of list of str
        The categories of each column.
    review_ : DataFrame
        `review` of the training data.

    Raises
    ------
    ValueError
        If a parameter is out of range, an alias leads to an unknown category, two categories are one after
        normalization, or the columns are not those of the training data.

    Notes
    -----
    Values that are not text, NaN among them, pass unchanged. Similarity finds typing errors; it does not know
    what words mean, so synonyms belong in `aliases`.
    """

    def __init__(
        self,
        *,
        known: Sequence[str] | Mapping[str | int, Sequence[str]] | None = None,
        aliases: Mapping[Any, Any] | None = None,
        threshold: float = 65,
        margin: float = 10,
        scorer: str = "osa",
        unknown: str = "keep",
        min_share: float = 0.01,
    ):
        self.known = known
        self.aliases = aliases
        self.threshold = threshold
        self.margin = margin
        self.scorer = scorer
        self.unknown = unknown
        self.min_share = min_share

    def fit(self, X: Any, y: Any = None) -> CategoryRepairer:
        """Learn the categories.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        CategoryRepairer
        """
        check_choice(self.scorer, SCORERS, "scorer")
        check_choice(self.unknown, ("keep", "nan", "error"), "unknown")
        for name, value, top in (("threshold", self.threshold, 100), ("margin", self.margin, 100),
                                 ("min_share", self.min_share, 1)):  # fmt: skip
            if not 0 <= value <= top:
                raise ValueError(f"{name} must lie between 0 and {top}, got {value}")
        frame = self._frame(X, fit=True)
        given = self._known_by_place(frame)
        aliases = self._aliases_by_place(frame)
        self.known_, self._aliases, self._counts = [], [], []
        for place, name in enumerate(frame.columns):
            counts = _counts(frame.iloc[:, place], name)
            known = given[place] if place in given else _frequent(counts, self.min_share)
            self.known_.append(_without_twins(known, name))
            self._aliases.append(_checked_aliases(aliases.get(place, {}), self.known_[-1], name))
            self._counts.append([[value, count] for value, count in counts.items() if isinstance(value, str)])
        if self.unknown == "error":
            self._repair(frame)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Repair the categories.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Object, or the numbers that were passed if there is no text.
        """
        return self._repair(self._frame(X))

    def review(self, X: Any) -> pd.DataFrame:
        """List what is decided about each text.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        DataFrame
            column, value, count, proposal (best known category), score, second (score of the second best, 0
            if there is none), decision ("exact", "normalized", "alias", "repaired", "ambiguous" or
            "unknown"); by column and, within it, by count.
        """
        frame = self._frame(X)
        counts = [_counts(frame.iloc[:, place], name) for place, name in enumerate(frame.columns)]
        return self._table(list(frame.columns), [list(count.items()) for count in counts])

    @property
    def review_(self) -> pd.DataFrame:
        """`review` of the training data."""
        return self._table(self._names_in(), self._counts)

    def _table(self, names: list, counts: list[list]) -> pd.DataFrame:
        rows = []
        for place, (name, pairs) in enumerate(zip(names, counts, strict=True)):
            match = self._matcher(place)
            for value, count in sorted(pairs, key=lambda pair: (-pair[1], str(pair[0]))):
                if isinstance(value, str):
                    rows.append((name, value, count, *match(value)[1:]))
        return pd.DataFrame(rows, columns=_REVIEW).round({"score": 1, "second": 1})

    def _repair(self, frame: pd.DataFrame) -> np.ndarray:
        columns, text = [], False
        for place, name in enumerate(frame.columns):
            values = frame.iloc[:, place]
            if _is_numeric(values):
                columns.append(values.to_numpy())
                continue
            codes, unique = levels(values, name)
            match, repaired = self._matcher(place), np.empty(len(unique) + 1, dtype=object)
            repaired[-1] = np.nan
            for code, value in enumerate(unique):
                found = match(value) if isinstance(value, str) else _Match(value, None, 0.0, 0.0, "exact")
                if found.decision in ("ambiguous", "unknown") and self.unknown == "error":
                    row = frame.index[np.argmax(codes == code)]
                    raise ValueError(
                        f"column {name!r}, row {row!r}: {value!r} is {found.decision}; "
                        "add it to known or aliases"
                    )
                repaired[code] = found.result
            columns.append(repaired[codes])
            text = True
        return stack(columns, len(frame), object) if text else np.column_stack(columns)

    def _matcher(self, place: int) -> Callable[[str], _Match]:
        known, aliases = self.known_[place], self._aliases[place]
        keys = [_key(category) for category in known]
        score_of, gap = _scorer(self.scorer), self.unknown == "nan"

        def match(value: str) -> _Match:
            key = _key(value)
            if value in known:
                return _Match(value, value, 100.0, 0.0, "exact")
            if key in keys or key in aliases:
                sure = known[keys.index(key)] if key in keys else aliases[key]
                return _Match(sure, sure, 100.0, 0.0, "normalized" if key in keys else "alias")
            failed = np.nan if gap else value
            if not known:
                return _Match(failed, None, 0.0, 0.0, "unknown")
            scores = [score_of(key, other) for other in keys]
            best = int(np.argmax(scores))
            second = max((score for n, score in enumerate(scores) if n != best), default=0.0)
            if scores[best] < self.threshold:
                return _Match(failed, known[best], scores[best], second, "unknown")
            if len(known) > 1 and scores[best] - second < self.margin:
                return _Match(failed, known[best], scores[best], second, "ambiguous")
            return _Match(known[best], known[best], scores[best], second, "repaired")

        return match

    def _known_by_place(self, frame: pd.DataFrame) -> dict[int, list[str]]:
        if isinstance(self.known, str):
            raise TypeError(f"known: give a list of categories, not the text {self.known!r}")
        if self.known is None or isinstance(self.known, Mapping):
            return {place: list(known) for place, known in by_column(self.known, frame, "known").items()}
        return {place: list(self.known) for place in range(frame.shape[1])}

    def _aliases_by_place(self, frame: pd.DataFrame) -> dict[int, Mapping[str, str]]:
        aliases = {} if self.aliases is None else self.aliases
        if not isinstance(aliases, Mapping):
            raise TypeError(f"aliases: give a mapping, got {type(aliases).__name__}")
        if all(isinstance(target, str) for target in aliases.values()):
            return {place: aliases for place in range(frame.shape[1])}
        return by_column(aliases, frame, "aliases")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "int64"]
        return tags


def _key(text: str) -> str:
    return re.sub(r"[\s_\-]+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


def _is_numeric(values: pd.Series) -> bool:
    return isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiub"


def _counts(values: pd.Series, name: Any) -> dict[Any, int]:
    if _is_numeric(values):
        return {}
    codes, unique = levels(values, name)
    return dict(zip(unique, np.bincount(codes[codes >= 0], minlength=len(unique)).tolist(), strict=True))


def _frequent(counts: Mapping[Any, int], min_share: float) -> list[str]:
    """Most frequent spelling of each category with a share of at least `min_share` of the texts."""
    spellings: dict[str, Counter[str]] = {}
    for value, count in counts.items():
        if isinstance(value, str) and _key(value):
            spellings.setdefault(_key(value), Counter())[value.strip()] += count
    total = sum(sum(group.values()) for group in spellings.values())
    frequent = [group for group in spellings.values() if sum(group.values()) >= min_share * total]
    return sorted(min(group, key=lambda word: (-group[word], word)) for group in frequent)


def _without_twins(known: list[str], name: Any) -> list[str]:
    seen: dict[str, str] = {}
    for category in known:
        if not isinstance(category, str):
            raise TypeError(f"known categories of {name!r} must be text, got {category!r}")
        if _key(category) in seen:
            first = seen[_key(category)]
            raise ValueError(
                f"known categories {first!r} and {category!r} of {name!r} are one after normalization; "
                "keep one"
            )
        seen[_key(category)] = category
    return list(known)


def _checked_aliases(aliases: Mapping[str, str], known: list[str], name: Any) -> dict[str, str]:
    for word, target in aliases.items():
        if target not in known:
            raise ValueError(f"alias {word!r} of {name!r} leads to {target!r}, which is not a known category")
    return {_key(word): target for word, target in aliases.items()}


def _scorer(name: str) -> Callable[[str, str], float]:
    from rapidfuzz import fuzz
    from rapidfuzz.distance import OSA

    if name == "osa":
        return lambda a, b: 100 * OSA.normalized_similarity(a, b)
    return fuzz.ratio if name == "ratio" else fuzz.token_sort_ratio
