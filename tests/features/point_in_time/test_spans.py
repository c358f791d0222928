import numpy as np

from mlhelpers.features.point_in_time.spans import span_sums


def test_empty_and_reversed_spans_are_empty():
    values, start, stop = np.arange(5.0), np.array([2, 4, 0]), np.array([2, 1, 5])
    assert span_sums(values, start, stop).tolist() == [0, 0, 10]
