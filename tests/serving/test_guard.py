import pytest

from mlhelpers.serving.answers import Refusal
from mlhelpers.serving.guard import RateLimit


def test_rate_limit_lets_a_burst_through_and_then_the_rate():
    now = [0.0]
    limit = RateLimit(2.0, burst=3, clock=lambda: now[0])
    for _ in range(3):
        limit.take("a")
    with pytest.raises(Refusal) as refused:
        limit.take("a")
    assert refused.value.status == 429
    assert refused.value.headers == ((b"retry-after", b"1"),)
    limit.take("b")
    now[0] = 0.5
    limit.take("a")
    with pytest.raises(Refusal):
        limit.take("a")
    now[0] = 100.0
    for _ in range(3):
        limit.take("a")


def test_rate_limit_says_how_long_to_wait_and_forgets_old_clients():
    limit = RateLimit(0.1, clock=lambda: 0.0)
    limit.take("a")
    with pytest.raises(Refusal) as refused:
        limit.take("a")
    assert refused.value.headers == ((b"retry-after", b"10"),)
    for number in range(10_001):
        limit.take(f"client {number}")
    limit.take("a")
    assert len(limit._buckets) <= 10_001
