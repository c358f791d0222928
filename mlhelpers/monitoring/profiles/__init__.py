"""Profiles of tables: counts, moments and quantiles that merge exactly, kept as JSON or Parquet.

Taught in lesson 9.1 (data drift and model drift).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "CategoryProfile": "categories",
    "load_profile": "frames",
    "profile_parquet": "frames",
    "profile_spark": "frames",
    "save_profile": "frames",
    "Profile": "frames",
    "ProfileBuilder": "frames",
    "profile": "frames",
    "suggest_origins": "frames",
    "NumericProfile": "numbers",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
