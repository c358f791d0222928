"""Data contracts: declared once, checked as pandera, rows split into good and quarantined.

Taught in lesson 2.5; the validate stage of the churn pipeline keeps its tables to them.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "data_dictionary": "adapters",
    "to_cerberus": "adapters",
    "to_expectations": "adapters",
    "to_records": "adapters",
    "validate_suite": "adapters",
    "ColumnRule": "schema",
    "Contract": "schema",
    "ContractError": "schema",
    "infer_contract": "schema",
    "load_contracts": "schema",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
