"""Training: models, cross-validation, tracking.

Names load when they are first used (lessons 4.1 to 4.5).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "make_boosting": "models",
    "make_logistic": "models",
    "one_thread": "crossval",
    "plain_frame": "models",
    "CrossValidation": "crossval",
    "cross_validate": "crossval",
    "fit": "crossval",
    "git_commit": "git",
    "start_store": "tracking",
    "track_run": "tracking",
    "data_hash": "hashing",
    "load_keras": "deep",
    "ConfigError": "config",
    "TrainingConfig": "config",
    "load_config": "config",
    "parse_config": "config",
    "model_hash": "hashing",
    "Comparison": "record",
    "Run": "record",
    "RunRecord": "record",
    "compare_runs": "record",
    "environment": "record",
    "build_model": "reproducible",
    "rebuild": "reproducible",
    "run": "reproducible",
    "seed_everything": "reproducible",
    "git_dirty": "git",
    "load_record": "tracking",
    "log_run": "tracking",
    "BiasVariance": "diagnostics",
    "Curve": "diagnostics",
    "Verdict": "diagnostics",
    "bias_variance": "diagnostics",
    "complexity_curve": "diagnostics",
    "learning_curve": "diagnostics",
    "plot_bias_variance": "diagnostics",
    "validation_curve": "diagnostics",
    "verdict": "diagnostics",
    "SEARCHES": "tuning",
    "Nested": "tuning",
    "Search": "tuning",
    "check_space": "tuning",
    "compare_searches": "tuning",
    "grid_points": "tuning",
    "nested_cv": "tuning",
    "plot_best_so_far": "tuning",
    "random_points": "tuning",
    "tune": "tuning",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
