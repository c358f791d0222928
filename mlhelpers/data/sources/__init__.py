"""Read tables from SQL, CSV files and event logs, each with a provenance record.

Taught in lesson 2.2; the ingest stage of the churn pipeline reads its sources through it.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "read_sources": "company",
    "write_sources": "company",
    "Provenance": "readers",
    "SourceError": "readers",
    "read_csv": "readers",
    "read_events": "readers",
    "read_sql": "readers",
    "demo_server": "rest",
    "read_rest": "rest",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
