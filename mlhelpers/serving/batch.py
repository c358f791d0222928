"""Batch scoring: files of any length through a bundle, in memory that does not grow with them.

Taught in lesson 7.1 (batch, online, edge). ``mle score BUNDLE INPUT OUTPUT``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from mlhelpers.packaging.bundle import Bundle, load_bundle
from mlhelpers.serving.tables import TableReader, python_values, score_columns, score_table

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet")
_ADDED = ("row", "model", "bundle")  # and those of the answer: columns of a score table, beside the kept ones
_WORK = ".scoring-"  # folder of a run's unfinished files, with the id of its process
_NULL = "__HIVE_DEFAULT_PARTITION__"
_MOST_PARTITIONS = 1000


class BatchError(ValueError):
    """A batch cannot be scored, or too much of it was refused."""


@dataclass(frozen=True)
class BatchReport:
    """What a run of `score_file` did.

    Attributes
    ----------
    rows, scored, quarantined, changed : int
        Rows read, rows with a probability, rows put aside, cells that a policy changed.
    seconds : float
        From the first file opened to the last one in its place.
    model, bundle : str
        Name and version of the model, and the hash of its manifest.
    outputs, quarantine : list of str
        Files written.
    skipped : list of str
        Inputs that `resume` found scored already.
    """

    rows: int
    scored: int
    quarantined: int
    changed: int
    seconds: float
    model: str
    bundle: str
    outputs: list[str] = field(default_factory=list)
    quarantine: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{self.rows:,} rows: {self.scored:,} scored by {self.model}"]
        if self.quarantined:
            parts.append(f"{self.quarantined:,} quarantined in {', '.join(self.quarantine)}")
        if self.changed:
            parts.append(f"{self.changed:,} cells changed by a policy")
        if self.skipped:
            parts.append(f"{len(self.skipped)} files were scored before")
        return f"{', '.join(parts)}; {self.seconds:.1f} s"


def score_file(
    bundle: Bundle | str | Path,
    source: str | Path,
    target: str | Path,
    *,
    rows: int = 50_000,
    keep: Sequence[str] | None = None,
    partition: str | None = None,
    date: str | None = None,
    policies: dict[str, str] | None = None,
    largest_share: float = 1.0,
    resume: bool = False,
    progress: bool = False,
) -> BatchReport:
    """Score a file, or each file of a folder, and put what cannot be scored aside with its reason.

    Taught in lesson 7.1. Each output stands whole or not at all: it is written in a folder of its own and
    moved into its place, so a run may be killed at any moment and repeated; what it writes replaces what the
    run before wrote. The rows are checked as the service checks them.

    Parameters
    ----------
    bundle : Bundle or path-like
        A path is verified by `mlhelpers.packaging.load_bundle`.
    source : path-like
        A ``.csv`` (UTF-8, with a line of names) or ``.parquet`` file, or a folder of such files.
    target : path-like
        A ``.csv`` or ``.parquet`` file; a folder if `source` is one or `partition` is given.
    rows : int, default=50_000
        Rows in memory at once.
    keep : sequence of str, optional
        Columns that the score table keeps. Default: those that the model does not read, such as a key.
    partition : str, optional
        Column that divides the output: ``target/COLUMN=VALUE/scores.parquet``, one for each of its values in
        `source`. Partitions of other values stay as they are.
    date : str, optional
        Day that the data describe; becomes the column ``data_date``.
    policies : mapping of str to str, optional
        As for the service: column to "refuse", "missing" or "clip".
    largest_share : float, default=1.0
        If a larger share of a file's rows is refused, the file gets no scores.
    resume : bool, default=False
        Leave out files of a folder whose output was made from the same file, by size and time, by the same
        bundle with the same options. Parquet only: it says so in its metadata.
    progress : bool, default=False
        Show a bar on standard error.

    Returns
    -------
    BatchReport

    Raises
    ------
    BatchError
        If a column is missing, `target` would replace something that is no score table or lies in `source`,
        a file cannot be read, or more than `largest_share` was refused. Nothing is half written; quarantined
        rows are kept.
    FileNotFoundError
        If there is no `source`.
    """
    from tqdm.auto import tqdm

    begun = time.perf_counter()
    bundle = bundle if isinstance(bundle, Bundle) else load_bundle(bundle, runtime="onnx")
    if rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    if not 0 <= largest_share <= 1:
        raise ValueError(f"largest_share must be from 0 to 1, got {largest_share}")
    source, target = Path(source), Path(target)
    options = {"keep": None if keep is None else list(keep), "date": date, "policies": policies or {}}
    job = _Job(bundle, TableReader(bundle.signature, policies=policies), rows, keep, partition, date)
    total = _Total()
    for given, wanted in _pairs(source, target, partition):
        mark = _mark(bundle, given, options | {"partition": partition})
        if resume and source.is_dir() and _made_from(wanted, mark):
            total.skipped.append(str(given))
            continue
        rows_there = _rows_of(given) if progress else None
        with tqdm(
            total=rows_there, unit=" rows", unit_scale=True, desc=given.name, disable=not progress
        ) as bar:
            job.score(given, wanted, mark, total, bar.update, largest_share)
    return BatchReport(
        **vars(total), seconds=time.perf_counter() - begun, model=job.model, bundle=bundle.sha256
    )


def score_frames(
    bundle: Bundle | str | Path, frames: Iterable[pd.DataFrame], *, keep: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """Score frames one after another, as Spark's ``mapInPandas`` hands them over.

    Taught in lesson 7.1: ``frame.mapInPandas(partial(score_frames, path, keep=["id"]), schema)``.

    Parameters
    ----------
    bundle : Bundle or path-like
        On a cluster a path that every worker can read.
    frames : iterable of DataFrame
    keep : sequence of str, optional
        As in `score_file`.

    Yields
    ------
    DataFrame
        Kept columns, ``probability`` (NaN where the row is refused) or, of a bundle with classes, ``class``
        and ``probability_<name>`` of each, ``problem`` (None where the row is not refused), ``model``.
    """
    import pandas as pd

    bundle = bundle if isinstance(bundle, Bundle) else load_bundle(bundle, runtime="onnx")
    reader, model = TableReader(bundle.signature), f"{bundle.name} {bundle.version}"
    for frame in frames:
        _require_columns(reader, list(frame.columns), "the frame")
        codes, problems, _ = reader.read(frame)
        reasons = _reasons(problems)
        good = np.ones(len(frame), dtype=bool)
        good[list(reasons)] = False
        shape = (len(frame),) if bundle.classes is None else (len(frame), len(bundle.classes))
        probabilities = np.full(shape, np.nan)
        if good.any():
            probabilities[good] = bundle.predict_codes(codes[good])
        scores = score_table(probabilities, bundle.classes)
        kept = _kept(reader, list(frame.columns), keep, "the frame")
        told = pd.Series([reasons.get(at) for at in range(len(frame))], index=frame.index, dtype=object)
        yield frame[kept].assign(**scores, problem=told, model=model)


@dataclass
class _Total:
    rows: int = 0
    scored: int = 0
    quarantined: int = 0
    changed: int = 0
    outputs: list[str] = field(default_factory=list)
    quarantine: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass
class _Job:
    """What is the same for every file of a run."""

    bundle: Bundle
    reader: TableReader
    rows: int
    keep: Sequence[str] | None
    partition: str | None
    date: str | None

    @property
    def model(self) -> str:
        return f"{self.bundle.name} {self.bundle.version}"

    def score(
        self,
        source: Path,
        target: Path,
        mark: dict[bytes, bytes],
        total: _Total,
        tell: Callable[[int], object],
        largest_share: float,
    ) -> None:
        """Score one file into its place."""
        aside = target.parent / f"{target.name}.quarantine.csv"
        found = _Total()
        base = target.parent
        base.mkdir(parents=True, exist_ok=True)
        _sweep(base)
        work = base / f"{_WORK}{os.getpid()}"
        work.mkdir()
        try:
            with ExitStack() as stack:
                table = stack.enter_context(_opened(source, self.rows))
                names = [field.name for field in table.schema]
                _require_columns(self.reader, names, source.name)
                kept = _kept(self.reader, names, self.keep, source.name)
                added = (*_ADDED, *score_columns(self.bundle.classes), *(["data_date"] if self.date else []))
                clash = [name for name in added if name in kept]
                if clash:
                    raise BatchError(
                        f"{source.name}: column {clash[0]!r} is also one of the score table's; "
                        "rename it or leave it out with keep"
                    )
                if self.partition is not None and self.partition not in names:
                    raise BatchError(f"{source.name}: there is no column {self.partition!r} to divide by")
                out = stack.enter_context(_Outputs(work, target, self.partition, mark))
                bad = stack.enter_context(_Aside(work / "quarantine.csv", names))
                for part in _ahead(table, self._checked, stack):
                    self._write(part, kept, out, bad, found)
                    tell(part.done)
                for line, reason in table.refused():
                    bad.line(line, reason)
                    found.rows += 1
                    found.quarantined += 1
            if bad.rows:
                os.replace(work / "quarantine.csv", aside)
                total.quarantine.append(str(aside))
            else:
                aside.unlink(missing_ok=True)  # of a run before
            if found.rows and found.quarantined > largest_share * found.rows:
                raise BatchError(
                    f"{source.name}: {found.quarantined:,} of {found.rows:,} rows are refused, more than the "
                    f"share of {largest_share:g} that is allowed; the first reasons stand in {aside.name}"
                )
            total.outputs += out.publish()
        finally:
            shutil.rmtree(work, ignore_errors=True)
        for name in ("rows", "scored", "quarantined", "changed"):
            setattr(total, name, getattr(total, name) + getattr(found, name))

    def _checked(self, part: _Part) -> _Part:
        """Check and score a part of the table; runs beside the reading and the writing."""
        codes, problems, changed = self.reader.read(part.batch, text=part.text)
        part.reasons = _reasons(problems)
        part.changed = len(changed)
        good = np.ones(part.batch.num_rows, dtype=bool)
        good[list(part.reasons)] = False
        part.good = good
        n_classes = () if self.bundle.classes is None else (len(self.bundle.classes),)
        part.answers = self.bundle.predict_codes(codes[good]) if good.any() else np.empty((0, *n_classes))
        return part

    def _write(self, part: _Part, kept: list[str], out: _Outputs, bad: _Aside, found: _Total) -> None:
        import pyarrow as pa

        batch, good = part.batch, part.good
        numbers = part.numbers()
        broken = [] if not part.text else _broken_text(batch, kept, good)
        for at in broken:
            part.reasons[at] = "a kept column holds bytes that are no UTF-8"
        if broken:
            answers = np.full((len(good), *part.answers.shape[1:]), np.nan)
            answers[good] = part.answers
            good[broken] = False
            part.answers = answers[good]
        found.rows += len(good)
        found.scored += int(good.sum())
        found.quarantined += len(part.reasons)
        found.changed += part.changed
        for at in sorted(part.reasons):
            bad.row(numbers[at], part.reasons[at], batch, at)
        if not good.any():
            return
        chosen = batch if good.all() else batch.filter(pa.array(good))
        n_rows = len(part.answers)
        # the folder's name says the value; a reader of partitions would find the column twice
        columns = {name: chosen.column(name) for name in kept if name != self.partition}
        if self.date is not None:
            columns["data_date"] = _repeated(self.date, n_rows)
        columns["row"] = pa.array(numbers[good], pa.int64())
        for name, values in score_table(part.answers, self.bundle.classes).items():
            columns[name] = pa.array(values, pa.string() if name == "class" else pa.float64())
        columns["model"] = _repeated(self.model, n_rows)
        columns["bundle"] = _repeated(self.bundle.sha256[:12], n_rows)
        scores = pa.table(columns)
        if self.partition is None:
            out.write(None, scores)
            return
        for value, places in _groups(chosen.column(self.partition)):
            out.write(value, scores.take(pa.array(places)))


@dataclass
class _Part:
    """Some rows of a table, on their way through."""

    batch: Any
    text: bool
    first: int
    done: int
    lines: Callable[[np.ndarray], np.ndarray]
    reasons: dict[int, str] = field(default_factory=dict)
    changed: int = 0
    good: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    answers: np.ndarray = field(default_factory=lambda: np.empty(0))

    def numbers(self) -> np.ndarray:
        """Number of each row in its file, from 0, lines that are no row counted too."""
        return self.lines(np.arange(self.first, self.first + self.batch.num_rows))


class _ParquetTable(AbstractContextManager):
    """A Parquet file, a part at a time."""

    def __init__(self, path: Path, rows: int):
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 16)
        except (pa.ArrowInvalid, OSError) as error:
            raise BatchError(f"{path.name} is no Parquet file that can be read: {error}") from error
        self.schema, self._path, self._rows = self._file.schema_arrow, path, rows

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def parts(self) -> Iterator[_Part]:
        import pyarrow as pa

        first = 0
        try:
            for batch in self._file.iter_batches(self._rows, use_threads=False):
                yield _Part(batch, False, first, batch.num_rows, lambda numbers: numbers)
                first += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise BatchError(f"{self._path.name}, after row {first}: {error}") from error

    def refused(self) -> list[tuple[tuple[int, str], str]]:
        return []


class _CsvTable(AbstractContextManager):
    """A CSV file, every cell a text, a part at a time; lines of another length are put aside."""

    def __init__(self, path: Path, rows: int):
        import pyarrow as pa
        import pyarrow.csv as arrow_csv

        self._path, self._rows, self._bad = path, rows, []
        with path.open("rb") as file:
            head = file.read(1 << 16)
        self.schema = _csv_schema(path, head)
        # the bytes of so many rows, from the first lines: never less than arrow wants for one line
        line = max(len(head) / max(head.count(b"\n"), 1), 1)
        try:
            self._stream = arrow_csv.open_csv(
                path,
                read_options=arrow_csv.ReadOptions(
                    use_threads=False, block_size=int(min(max(rows * line, 1 << 16), 1 << 20))
                ),
                parse_options=arrow_csv.ParseOptions(
                    newlines_in_values=True, invalid_row_handler=self._put_aside
                ),
                convert_options=arrow_csv.ConvertOptions(
                    check_utf8=False, column_types=self.schema, strings_can_be_null=False
                ),
            )
        except (pa.ArrowInvalid, OSError) as error:
            raise BatchError(f"{path.name} is no CSV file that can be read: {error}") from error

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _put_aside(self, row: Any) -> str:
        self._bad.append((row.number - 2, row.text, row.expected_columns, row.actual_columns))
        return "skip"

    def parts(self) -> Iterator[_Part]:
        import pyarrow as pa

        first = 0
        try:
            for block in self._stream:
                for start in range(0, block.num_rows, self._rows):
                    batch = block.slice(start, self._rows)
                    yield _Part(batch, True, first, batch.num_rows, self._lines)
                    first += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise BatchError(f"{self._path.name}, after row {first}: {error}") from error

    def _lines(self, numbers: np.ndarray) -> np.ndarray:
        """Number in the file of rows that are numbered without the lines put aside."""
        bad = np.array([number for number, *_ in self._bad], dtype=np.int64)
        return numbers + np.searchsorted(bad - np.arange(len(bad)), numbers, side="right")

    def refused(self) -> list[tuple[tuple[int, str], str]]:
        return [
            ((number, text), f"{found} cells, the header has {expected}")
            for number, text, expected, found in self._bad
        ]


def _csv_schema(path: Path, head: bytes) -> Any:
    import csv
    import io

    import pyarrow as pa

    try:
        text = head.decode("utf-8-sig", "replace")
        names = next(csv.reader(io.StringIO(text)), None)
    except csv.Error as error:
        raise BatchError(f"{path.name} is no CSV file that can be read: {error}") from error
    if not names:
        raise BatchError(f"{path.name} is empty; a CSV file begins with the names of its columns")
    doubled = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if doubled is not None:
        raise BatchError(f"{path.name} names the column {doubled!r} twice; rename one of them")
    return pa.schema([(name, pa.string()) for name in names])


class _Outputs(AbstractContextManager):
    """The score tables of one file, unfinished until they are published."""

    def __init__(self, work: Path, target: Path, partition: str | None, mark: dict[bytes, bytes]):
        self._work, self._target, self._partition, self._mark = work, target, partition, mark
        self._suffix = ".parquet" if partition else target.suffix
        self._writers: dict[str | None, Any] = {}
        self._files: dict[str | None, Path] = {}

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def write(self, value: str | None, scores: Any) -> None:
        """Add rows to the table of a partition."""
        writer = self._writers.get(value) or self._open(value, scores.schema)
        if self._suffix == ".csv":
            scores = scores.cast(_flat(scores.schema))
        writer.write_table(scores)

    def publish(self) -> list[str]:
        """Move every table into its place."""
        if not self._files:
            if self._partition is None:
                self._target.unlink(missing_ok=True)  # of a run before: no row is scored now
            return []
        places = []
        for value, path in self._files.items():
            place = self._target
            if value is not None:
                place = place / f"{quote(str(self._partition), safe='')}={value}" / "scores.parquet"
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                _require_scores(place)
            os.replace(path, place)
            places.append(str(place))
        return places

    def _open(self, value: str | None, schema: Any) -> Any:
        import pyarrow as pa
        import pyarrow.csv as arrow_csv
        import pyarrow.parquet as pq

        if len(self._files) >= _MOST_PARTITIONS:
            raise BatchError(
                f"column {self._partition!r} has more than {_MOST_PARTITIONS} values; divide by a coarser one"
            )
        path = self._work / f"scores-{len(self._files)}{self._suffix}"
        if self._suffix == ".csv":
            try:
                writer = arrow_csv.CSVWriter(
                    path, _flat(schema), write_options=arrow_csv.WriteOptions(quoting_style="needed")
                )
            except pa.ArrowInvalid as error:
                raise BatchError(f"a kept column cannot be written as CSV: {error}") from error
        else:
            writer = pq.ParquetWriter(path, schema.with_metadata(self._mark), compression="zstd")
        self._writers[value], self._files[value] = writer, path
        return writer


class _Aside(AbstractContextManager):
    """The quarantine: the refused rows as they came, each with its number and reason."""

    def __init__(self, path: Path, names: list[str]):
        import csv

        self._file = path.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow(["row", "problem", *names])
        self.rows = 0

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def row(self, number: int, reason: str, batch: Any, at: int) -> None:
        cells = [python_values(column.slice(at, 1))[0] for column in batch.columns]
        self._csv.writerow([number, reason, *("" if cell is None else cell for cell in cells)])
        self.rows += 1

    def line(self, line: tuple[int, str], reason: str) -> None:
        self._csv.writerow([line[0], reason, line[1]])
        self.rows += 1


def _ahead(table: Any, work: Callable[[_Part], _Part], stack: ExitStack) -> Iterator[_Part]:
    """Parts in order, the next one checked and scored while this one is written."""
    pool = stack.enter_context(ThreadPoolExecutor(1))
    waiting = None
    for part in table.parts():
        coming = pool.submit(work, part)
        if waiting is not None:
            yield waiting.result()
        waiting = coming
    if waiting is not None:
        yield waiting.result()


def _pairs(source: Path, target: Path, partition: str | None) -> list[tuple[Path, Path]]:
    """Input files and where their scores go."""
    if not source.exists():
        raise FileNotFoundError(f"there is no {source}; give a .csv or .parquet file, or a folder of them")
    here, there = source.resolve(), target.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise BatchError(f"{target} and {source} lie in one another; give another place for the scores")
    if source.is_dir():
        if partition is not None:
            raise BatchError("a folder is scored file by file; `partition` divides one file")
        files = sorted(
            path
            for path in source.rglob("*")
            if path.suffix in SUFFIXES
            and path.is_file()
            and not any(name.startswith((".", "_")) for name in path.relative_to(source).parts)
        )
        if not files:
            raise BatchError(f"{source} holds no {' or '.join(SUFFIXES)} file")
        pairs = [(path, target / path.relative_to(source)) for path in files]
    else:
        pairs = [(source, target)]
    for given, wanted in pairs:
        for path in (given, *([] if partition else [wanted])):
            if path.suffix not in SUFFIXES:
                raise BatchError(f"{path} must end in {' or '.join(SUFFIXES)}")
        if partition is None and wanted.exists():
            _require_scores(wanted)
    if (partition or source.is_dir()) and target.exists() and not target.is_dir():
        raise BatchError(f"{target} is a file; the scores need a folder")
    return pairs


def _require_scores(path: Path) -> None:
    """Raise a BatchError unless the file is a score table, which a new run may replace."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                names = [name.strip('"') for name in file.readline().rstrip("\r\n").split(",")]
        else:
            names = pq.read_schema(path).names
    except (OSError, ValueError, pa.ArrowInvalid):
        names = []
    if not set(_ADDED) <= set(names):
        raise BatchError(f"{path} exists and is no score table; nothing is replaced, give another name")


def _mark(bundle: Bundle, source: Path, options: dict[str, Any]) -> dict[bytes, bytes]:
    """Metadata of a score table: from what, and by what, it was made."""
    state = source.stat()
    made = {"bundle": bundle.sha256, "source": f"{state.st_size}:{state.st_mtime_ns}", "options": options}
    return {b"mle.score": json.dumps(made, sort_keys=True).encode()}


def _made_from(path: Path, mark: dict[bytes, bytes]) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix != ".parquet":
        raise BatchError(f"{path.name}: only Parquet says what it was made from; `resume` needs it")
    try:
        found = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return False
    return found.get(b"mle.score") == mark[b"mle.score"]


def _opened(path: Path, rows: int) -> Any:
    return _CsvTable(path, rows) if path.suffix == ".csv" else _ParquetTable(path, rows)


def _require_columns(reader: TableReader, names: list[str], where: str) -> None:
    doubled = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if doubled is not None:
        raise BatchError(f"{where} has the column {doubled!r} twice; rename one of them")
    missing = reader.missing_columns(names)
    if missing:
        raise BatchError(
            f"{where} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            "the model needs it, empty where unknown"
        )


def _kept(reader: TableReader, names: list[str], keep: Sequence[str] | None, where: str) -> list[str]:
    if keep is None:
        return [name for name in names if name not in set(reader.names)]
    absent = [name for name in keep if name not in names]
    if absent:
        raise BatchError(f"{where} has no column {absent[0]!r} to keep; it has {', '.join(names)}")
    return list(keep)


def _reasons(problems: Sequence[Any]) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for problem in problems:
        told = f"{problem.column}: {problem.problem}" if problem.column else problem.problem
        reasons[problem.row] = f"{reasons[problem.row]}; {told}" if problem.row in reasons else told
    return reasons


def _broken_text(batch: Any, kept: list[str], good: np.ndarray) -> list[int]:
    """Rows that are good but for bytes in a kept column that are no UTF-8."""
    import pyarrow as pa
    import pyarrow.compute as pc

    broken: set[int] = set()
    for name in kept:
        cells = pc.cast(batch.column(name), pa.binary())
        try:
            pc.cast(cells, pa.string())
        except pa.ArrowInvalid:
            for at, cell in enumerate(cells.to_pylist()):
                try:
                    (cell or b"").decode()
                except UnicodeDecodeError:
                    broken.add(at)
    return sorted(at for at in broken if good[at])


def _groups(column: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Folder name and rows of each value of the column that divides."""
    import pyarrow.compute as pc

    encoded = column.dictionary_encode() if not hasattr(column, "dictionary") else column
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    for code in np.unique(codes):
        value = _NULL if code < 0 else quote(str(encoded.dictionary[int(code)].as_py()), safe="")
        yield value, np.flatnonzero(codes == code)


def _repeated(text: str, n_rows: int) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_rows, dtype=np.int8)), pa.array([text]))


def _flat(schema: Any) -> Any:
    """Schema without dictionaries, as CSV needs it."""
    import pyarrow as pa

    return pa.schema(
        [
            (column.name, column.type.value_type if pa.types.is_dictionary(column.type) else column.type)
            for column in schema
        ]
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed run left."""
    import psutil

    for path in folder.glob(f"{_WORK}*"):
        number = path.name.removeprefix(_WORK)
        if number.isdigit() and (int(number) == os.getpid() or not psutil.pid_exists(int(number))):
            shutil.rmtree(path, ignore_errors=True)


def _rows_of(path: Path) -> int | None:
    """Number of rows, where the file says it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix != ".parquet":
        return None
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowInvalid):
        return None  # said when it is opened


def main(arguments: Sequence[str] | None = None) -> int:
    """Score by command.

    Returns
    -------
    int
        0 when every file is scored, quarantined rows or not; 1 when the bundle or a file is refused.
    """
    options = _parser().parse_args(arguments)
    try:
        bundle = load_bundle(options.bundle, trusted_keys=options.trusted_key, runtime="onnx")
        report = score_file(
            bundle,
            options.input,
            options.output,
            rows=options.rows,
            keep=options.keep.split(",") if options.keep else None,
            partition=options.partition,
            date=options.date,
            policies=json.loads(options.policies.read_text("utf-8")) if options.policies else None,
            largest_share=options.largest_share,
            resume=options.resume,
            progress=sys.stderr.isatty() and not options.json,
        )
    except (ValueError, OSError) as error:
        print(f"mle score: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mle score: interrupted; the files that were finished stay", file=sys.stderr)
        return 130
    print(json.dumps(asdict(report), ensure_ascii=False) if options.json else f"mle score: {report}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mle score",
        description="Score a file, or each file of a folder, with a bundle; rows that the model does not "
        "accept go to OUTPUT.quarantine.csv with their reason. A rerun replaces what the run before wrote.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder or .zip of a bundle")
    parser.add_argument("input", metavar="INPUT", help=".csv or .parquet file, or a folder of them")
    parser.add_argument(
        "output", metavar="OUTPUT", help=".csv or .parquet file; a folder for a folder or --partition"
    )
    parser.add_argument("--rows", type=int, default=50_000, metavar="N", help="rows in memory; default 50000")
    parser.add_argument("--keep", metavar="A,B", help="columns to keep; default: those the model reads not")
    parser.add_argument("--partition", metavar="COLUMN", help="write OUTPUT/COLUMN=VALUE/scores.parquet")
    parser.add_argument("--date", metavar="DAY", help="day that the data describe, as a column data_date")
    parser.add_argument("--policies", type=Path, metavar="JSON", help="column to refuse, missing or clip")
    parser.add_argument(
        "--largest-share",
        type=float,
        default=1.0,
        metavar="S",
        help="no scores if a larger share of the rows is refused; default 1",
    )
    parser.add_argument("--resume", action="store_true", help="leave out files of a folder scored before")
    parser.add_argument("--trusted-key", action="append", help="public key that must have signed the bundle")
    parser.add_argument("--json", action="store_true", help="machine-readable summary")
    return parser


if __name__ == "__main__":
    sys.exit(main())
