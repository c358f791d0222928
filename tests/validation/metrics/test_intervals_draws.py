"""How rows, classes and groups are drawn, the quantiles of an interval, and the defaults."""

import numpy as np
import pytest

from mlhelpers.validation.metrics.intervals import (
    bootstrap_intervals,
    check_bootstrap,
    limits,
    paired_difference,
    resampled_weights,
    wilson_interval,
)

RNG = np.random.default_rng(8)
Y = (RNG.random(300) < 0.3).astype(int)
P = np.clip(0.25 * Y + 0.7 * RNG.random(300), 0, 1)


def drawn(y, n_resamples, **options):
    blocks = list(resampled_weights(y, n_resamples, np.random.default_rng(0), **options))
    return np.concatenate(blocks), [len(block) for block in blocks]


@pytest.mark.parametrize("options", [{"stratified": False}, {"stratified": True}])
def test_every_resample_has_as_many_rows_as_the_sample(options):
    weights, sizes = drawn(Y, 7, **options)
    assert weights.shape == (7, 300) and sizes == [7]
    assert (weights.sum(axis=1) == 300).all()
    assert len(np.unique(weights, axis=0)) == 7
    assert weights.max() >= 3 and weights.min() == 0


def test_strata_keep_the_count_of_each_class():
    weights, _ = drawn(Y, 20, stratified=True)
    assert (weights[:, Y == 1].sum(axis=1) == Y.sum()).all()
    assert len({tuple(row) for row in weights[:, Y == 1]}) == 20
    one_class, _ = drawn(np.ones(5, dtype=int), 3, stratified=True)
    assert (one_class.sum(axis=1) == 5).all()


def test_groups_are_drawn_as_often_as_there_are_groups():
    codes = np.repeat([0, 1, 2, 3], [1, 2, 3, 4])
    weights, _ = drawn(np.zeros(10), 50, stratified=False, codes=codes)
    by_group = np.stack([weights[:, codes == code].mean(axis=1) for code in range(4)], axis=1)
    assert (by_group.sum(axis=1) == 4).all()
    assert all((weights[:, codes == code] == by_group[:, [code]]).all() for code in range(4))
    assert (by_group[:, 3] > 0).any() and by_group.max() >= 2


@pytest.mark.parametrize(
    ("n_rows", "options", "sizes"),
    [
        (50_000, {"stratified": False}, [2, 2, 1]),
        (250_000, {"stratified": False}, [1] * 5),
        (1_000_000, {"stratified": True}, [2, 2, 1]),
        (250_000, {"stratified": False, "codes": "two"}, [2, 2, 1]),
    ],
)
def test_many_rows_are_drawn_in_blocks_that_stay_small(n_rows, options, sizes):
    y = np.arange(n_rows) % 2
    if "codes" in options:
        options = options | {"codes": y}
    total = []
    for block in resampled_weights(y, 5, np.random.default_rng(0), **options):
        total.append(len(block))
        if "codes" not in options or not isinstance(options["codes"], np.ndarray):
            assert (block.sum(axis=1) == n_rows).all()
    assert total == sizes


def test_limits_are_quantiles_of_what_is_defined():
    values = np.append(np.arange(101.0), [np.nan, np.nan])
    assert limits(values, 0.9) == pytest.approx((5.0, 95.0))
    assert limits(values, 0.5) == pytest.approx((25.0, 75.0))
    assert np.isnan(limits(np.full(3, np.nan), 0.9)).all()
    assert limits(np.array([7.0]), 0.9) == (7.0, 7.0)


@pytest.mark.parametrize(("n_resamples", "level"), [(0, 0.5), (1, 0.0), (1, 1.0), (-1, 0.5)])
def test_one_resample_is_enough_and_the_level_lies_between_zero_and_one(n_resamples, level):
    check_bootstrap(1, 0.5)
    with pytest.raises(ValueError, match="n_resamples must be at least 1 and level in"):
        check_bootstrap(n_resamples, level)


STATED = {"threshold": 0.5, "n_resamples": 1000, "level": 0.95, "stratified": False, "random_state": 0}
OTHERS = [
    {"threshold": 0.6},
    {"n_resamples": 999},
    {"level": 0.94},
    {"stratified": True},
    {"random_state": 1},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_defaults_are_those_of_the_documentation(other):
    def both(**options):
        table = bootstrap_intervals(Y, P, metrics=["f1"], **options).iloc[0]
        return [table["value"], table["low"], table["high"]], list(
            paired_difference(Y, P, P**2, "f1", **options).values()
        )

    plain, stated, changed = both(), both(**STATED), both(**STATED | other)
    assert plain == stated
    assert plain[0] != changed[0] and plain[1] != changed[1]


def test_four_metrics_unless_told_otherwise_and_the_auc_of_two_models():
    table = bootstrap_intervals(Y, P, n_resamples=3)
    assert table["metric"].tolist() == ["roc_auc", "average_precision", "brier", "log_loss"]
    assert paired_difference(Y, P, P**2, n_resamples=3) == paired_difference(
        Y, P, P**2, "roc_auc", n_resamples=3
    )


def test_weights_and_groups_belong_to_their_rows():
    """A row of weight 0 and a group that is one row show whether both follow the order of the scores."""
    last = np.r_[0.0, np.ones(len(Y) - 1)]
    found = bootstrap_intervals(Y, P, metrics=["brier"], sample_weight=last, n_resamples=20).iloc[0]
    without = np.mean((P[1:] - Y[1:]) ** 2)
    assert found["value"] == pytest.approx(without)
    y, p = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.2, 0.8])
    groups = ["right", "right", "wrong", "wrong"]
    table = bootstrap_intervals(y, p, metrics=["accuracy"], groups=groups, n_resamples=50).iloc[0]
    assert (table["value"], table["low"], table["high"]) == (0.5, 0.0, 1.0)
    draws = np.concatenate(
        list(
            resampled_weights(y, 50, np.random.default_rng(0), stratified=False, codes=np.array([0, 0, 1, 1]))
        )
    )
    accuracy = (draws[:, :2].sum(axis=1) / draws.sum(axis=1)).tolist()
    assert set(accuracy) == {0.0, 0.5, 1.0}


def test_exactly_two_groups_can_be_drawn():
    assert len(bootstrap_intervals([0, 1], [0.2, 0.8], metrics=["brier"], groups=["a", "b"], n_resamples=3))


def test_wilson_interval_is_of_95_percent_and_closed_at_both_ends():
    assert wilson_interval(3, 10) == wilson_interval(3, 10, level=0.95) != wilson_interval(3, 10, level=0.9)
    assert float(wilson_interval(0, 10)[0]) == 0.0
    assert float(wilson_interval(10, 10)[1]) == 1.0
    low, high = wilson_interval([1, 0], [10, 0])
    assert low[0] == pytest.approx(0.0178762, abs=1e-6) and np.isnan(low[1])
    assert high[0] == pytest.approx(0.4041500, abs=1e-6) and np.isnan(high[1])
