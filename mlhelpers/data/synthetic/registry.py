"""Which generator makes which set, and how its tables are written, hashed and put into the catalog."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pandas as pd
import yaml

from mlhelpers.data.hashing import content_sha256, file_sha256, write_atomically
from mlhelpers.data.synthetic.common import Generated

GENERATORS = ("churn", "churn_stream", "fraud", "loans", "demand", "reviews", "messages")


def generate(name: str, *, seed: int | None = None) -> Generated:
    """Draw a set from its seed, or another one like it from another seed.

    Parameters
    ----------
    name : str
        One of `GENERATORS`.
    seed : int, optional
        Of the draw; without it that of the bundled set. Another seed gives other rows of the same world, on
        which a claim can be tried again.

    Returns
    -------
    Generated
        Tables, truth and seed.

    Raises
    ------
    ValueError
        If no generator makes that set.
    """
    if name not in GENERATORS:
        raise ValueError(f"no generator makes {name!r}; generated sets are {', '.join(GENERATORS)}")
    module = importlib.import_module(f"mlhelpers.data.synthetic.{name}")
    return module.generate() if seed is None else module.generate(seed)


def write(name: str, folder: str | Path) -> list[dict]:
    """Draw a set, write its files below `folder` and return one catalog entry per file.

    Parameters
    ----------
    name : str
        One of `GENERATORS`.
    folder : path-like
        The set is written to ``folder/name/``.

    Returns
    -------
    list of dict
        path (relative to `folder`), table, rows, columns, sha256, content_sha256.
    """
    drawn, folder = generate(name), Path(folder)
    entries = []
    for table, frame in drawn.frames.items():
        ending = "csv" if table in drawn.text else "parquet"
        path = folder / name / f"{table}.{ending}"
        write_atomically(path, lambda target, f=frame, e=ending: _write_frame(f, target, e))
        entries.append(
            {
                "path": f"{name}/{path.name}",
                "table": table,
                "rows": len(frame),
                "columns": frame.shape[1],
                "sha256": file_sha256(path),
                "content_sha256": content_sha256(frame),
            }
        )
    path = folder / name / "truth.json"
    text = json.dumps(drawn.truth, indent=1) + "\n"
    write_atomically(path, lambda target: target.write_bytes(text.encode()))
    entries.append(
        {"path": f"{name}/truth.json", "sha256": file_sha256(path), "content_sha256": file_sha256(path)}
    )
    return entries


def rebuild(folder: str | Path, names: tuple[str, ...] = GENERATORS) -> None:
    """Rewrite the files of generated sets and their entries in ``folder/catalog.yml``.

    Parameters
    ----------
    folder : path-like
        The data folder; its catalog must already hold title, licence and origin of each set.
    names : tuple of str
        The sets to rewrite.
    """
    catalog_path = Path(folder) / "catalog.yml"
    catalog = yaml.safe_load(catalog_path.read_text(encoding="utf-8"))
    for name in names:
        entries = write(name, folder)
        main = next(e for e in entries if e.get("table") == name)
        catalog[name].update(rows=main["rows"], columns=main["columns"], files=entries)
        # after each set, so that an interrupted run leaves files and catalog in agreement
        text = yaml.safe_dump(catalog, sort_keys=False, allow_unicode=True, width=110)
        write_atomically(catalog_path, lambda target, t=text: target.write_bytes(t.encode()))


def _write_frame(frame: pd.DataFrame, path: Path, ending: str) -> None:
    if ending == "csv":
        frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    else:
        frame.to_parquet(path, engine="pyarrow", compression="zstd", compression_level=15, index=False)
