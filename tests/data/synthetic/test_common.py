"""The committed sets come out of their generators again, wherever they are run."""

import numpy as np

from mlhelpers.data.synthetic.common import bernoulli, pick, stream, whole


def test_streams_of_one_seed_are_independent():
    first, second = stream(1, 1).random(20_000), stream(1, 2).random(20_000)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_pick_follows_the_weights_of_each_row():
    weights = np.repeat([[1.0, 3.0, 0.0], [0.0, 0.0, 2.0]], 20_000, axis=0)
    drawn = pick(stream(3, 1), ["a", "b", "c"], weights)
    assert abs((drawn[:20_000] == "b").mean() - 0.75) < 0.015
    assert set(drawn[20_000:]) == {"c"}


def test_bernoulli_is_certain_at_zero_and_one():
    rng = stream(4, 1)
    assert not bernoulli(rng, np.zeros(1000)).any()
    assert bernoulli(rng, np.ones(1000)).all()


def test_whole_numbers_stay_inside_their_bounds():
    assert whole(np.array([-3.2, 2.4, 2.6, 99.0]), 0, 10).tolist() == [0, 2, 3, 10]
