"""The data stage: committed, packaged and downloadable data sets, each with a card and its ground truth.

Used in every lesson: ``from mlhelpers.data import load, describe, truth``.
"""

from __future__ import annotations

import importlib
from typing import Any

# Where each public name lives; loaded on first use, so that `import mlhelpers.data` stays light.
_HOME = {
    "load": "loading",
    "truth": "loading",
    "build": "loading",
    "list_datasets": "loading",
    "verify": "catalog",
    "data_dir": "catalog",
    "describe": "cards",
    "Card": "cards",
    "fetch": "remote",
    "read_sources": "sources",
    "write_sources": "sources",
    "churn_features": "churn_tables",
    "churn_labels": "churn_tables",
    "retention_calls": "churn_tables",
}

__all__ = [
    "Card", "build", "churn_features", "churn_labels", "data_dir", "describe", "fetch", "list_datasets",
    "load", "read_sources", "retention_calls", "truth", "verify", "write_sources",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
