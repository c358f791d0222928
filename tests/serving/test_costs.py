"""Costs a month: by hand, by properties, and where a function and what always runs break even."""

import math
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.serving.costs import (
    PRICES,
    BreakEven,
    Plan,
    Workload,
    billed_milliseconds,
    break_even,
    cost_curve,
    monthly_cost,
    read_prices,
)

SMALL = Workload(milliseconds=5, memory_mb=512)
PRICE = read_prices()


def test_the_package_has_prices_with_source_and_date():
    for way in (PRICE.endpoint, PRICE.function, PRICE.container):
        assert way["source"] and way["date"].year >= 2025
    assert PRICE.region == "us-east-1" and PRICE.currency == "USD"
    assert "list prices" in PRICES.read_text(encoding="utf-8").lower()


def test_an_endpoint_costs_its_hours_whatever_is_asked():
    for requests in (0, 12_000):
        assert monthly_cost(requests, SMALL).loc["endpoint", "dollars"] == pytest.approx(0.102 * 730)
    assert monthly_cost(0, SMALL)["dollars_per_million"].isna().all()


def test_a_function_costs_calls_gateway_and_memory_time():
    requests = 12_000 * 730 / 24
    by_hand = requests / 1e6 * 1.20 + requests * 0.018 * 0.5 * 0.0000166667  # 5 ms / (512 / 1769), rounded up
    table = monthly_cost(12_000, SMALL)
    assert table.loc["function", "dollars"] == pytest.approx(by_hand)
    assert table.loc["function", "dollars_per_million"] == pytest.approx(by_hand / requests * 1e6)
    direct = monthly_cost(12_000, SMALL, plan=Plan(gateway=False)).loc["function", "dollars"]
    assert by_hand - direct == pytest.approx(requests / 1e6)


def test_the_free_tier_takes_calls_and_seconds_off_but_not_the_gateway():
    free = monthly_cost(12_000, SMALL, plan=Plan(free_tier=True)).loc["function", "dollars"]
    assert free == pytest.approx(12_000 * 730 / 24 / 1e6)
    paid = (
        monthly_cost(1e7, SMALL)["dollars"] - monthly_cost(1e7, SMALL, plan=Plan(free_tier=True))["dollars"]
    )
    assert paid["function"] == pytest.approx(0.20 + 400_000 * 0.0000166667)


def test_a_container_costs_its_cores_its_memory_and_the_balancer():
    table = monthly_cost(12_000, SMALL)
    assert table.loc["container", "dollars"] == pytest.approx(
        730 * (0.0225 + 0.25 * 0.04048 + 0.5 * 0.004445)
    )
    larger = monthly_cost(12_000, Workload(5, 600)).loc["container", "dollars"]
    assert larger - table.loc["container", "dollars"] == pytest.approx(730 * 0.5 * 0.004445)


def test_machines_follow_the_busiest_hour():
    # 100 a second of 10 ms are one core; 60% of two cores carry 120
    assert monthly_cost(120 * 86_400, Workload(10, 512)).loc["endpoint", "machines"] == 1
    assert monthly_cost(121 * 86_400, Workload(10, 512)).loc["endpoint", "machines"] == 2
    assert monthly_cost(120 * 86_400, Workload(10, 512, peak=3)).loc["endpoint", "machines"] == 3
    assert monthly_cost(0, SMALL, plan=Plan(at_least=2))["machines"].tolist() == [2, 0, 2]


def test_computation_takes_longer_with_less_memory_and_waiting_does_not():
    assert billed_milliseconds(Workload(100, 1769)) == billed_milliseconds(Workload(100, 3000)) == 100
    assert billed_milliseconds(Workload(100, 512)) == math.ceil(100 * 1769 / 512)
    assert billed_milliseconds(Workload(100, 512, waiting_ms=50)) == math.ceil(100 * 1769 / 512 + 50)
    assert billed_milliseconds(Workload(0.2, 1769)) == 1


def test_break_even_by_hand():
    each = 1.20e-6 + 0.018 * 0.5 * 0.0000166667
    found = break_even(SMALL)
    assert found.requests_per_second == pytest.approx(0.102 * 730 / each / (730 * 3600))
    assert (found.machines, found.dollars) == (1, pytest.approx(74.46))
    assert found.requests_per_day == pytest.approx(found.requests_per_second * 86_400)
    assert str(found).startswith("a function costs as much as the endpoint from 20.99 requests a second")


def test_two_machines_move_the_break_even_to_twice_the_traffic():
    one, two = break_even(SMALL), break_even(SMALL, plan=Plan(at_least=2))
    assert two.requests_per_second == pytest.approx(2 * one.requests_per_second)


def test_long_uneven_requests_never_break_even():
    found = break_even(Workload(100, 512, peak=3))
    assert found.requests_per_second == math.inf and found.machines == 0 and math.isnan(found.dollars)
    assert str(found) == "a function is cheaper than the endpoint at every traffic"
    rates = [0.1, 1, 10, 100, 1000, 10_000]
    curve = cost_curve(rates, Workload(100, 512, peak=3))
    assert (curve["function"] < curve["endpoint"]).all()
    assert curve.index.name == "requests_per_second" and list(curve) == ["endpoint", "function", "container"]


WORKLOADS = st.builds(
    Workload,
    milliseconds=st.floats(0.5, 2000),
    memory_mb=st.integers(128, 2048),
    waiting_ms=st.floats(0, 500),
    peak=st.floats(1, 10),
)


@settings(max_examples=25, deadline=None)
@given(WORKLOADS, st.sampled_from(["endpoint", "container"]), st.integers(1, 3), st.booleans())
def test_a_function_is_cheaper_below_its_break_even_and_as_dear_at_it(workload, against, at_least, gateway):
    plan = Plan(at_least=at_least, gateway=gateway, container_cores=0.5)
    found = break_even(workload, against=against, plan=plan, prices=PRICE)
    if found.machines:
        at = monthly_cost(found.requests_per_day * (1 - 1e-9), workload, plan=plan, prices=PRICE)
        assert at.loc["function", "dollars"] == pytest.approx(at.loc[against, "dollars"], rel=1e-6)
        assert at.loc[against, "machines"] == found.machines
        assert at.loc["function", "dollars"] == pytest.approx(found.dollars, rel=1e-6)
    highest = min(found.requests_per_second, 5000.0)
    for share in (0.01, 0.3, 0.6, 0.9, 0.99):
        below = monthly_cost(highest * share * 86_400, workload, plan=plan, prices=PRICE)["dollars"]
        assert below["function"] < below[against]


@settings(max_examples=40, deadline=None)
@given(WORKLOADS, st.floats(0, 1e7), st.floats(0, 1e6))
def test_more_requests_never_cost_less(workload, requests, more):
    plan = Plan(container_cores=0.5)
    first, second = (
        monthly_cost(number, workload, plan=plan, prices=PRICE)["dollars"]
        for number in (requests, requests + more)
    )
    assert (second >= first - 1e-9).all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Workload(0, 512), "milliseconds must be above 0, got 0"),
        (lambda: Workload(math.nan, 512), "milliseconds must be above 0, got nan"),
        (lambda: Workload(math.inf, 512), "milliseconds must be above 0, got inf"),
        (lambda: Workload(5, -1), "memory_mb must be above 0"),
        (lambda: Workload(5, 512, waiting_ms=-1), "waiting_ms must be at least 0"),
        (lambda: Workload(5, 512, peak=0.5), "peak must be at least 1"),
        (lambda: Plan(at_least=0), "at_least must be at least 1"),
        (lambda: Plan(utilization=0), "utilization must be above 0"),
        (lambda: Plan(utilization=1.5), "utilization is a share of at most 1"),
        (lambda: monthly_cost(-1, SMALL), "requests_per_day must be at least 0, got -1"),
        (lambda: monthly_cost(1, SMALL, plan=Plan(instance="ml.x")), "instance must be one of ml.t2.medium"),
        (lambda: monthly_cost(1, SMALL, plan=Plan(container_cores=3)), "container_cores must be one of 0.25"),
        (lambda: monthly_cost(1, Workload(5, 3000)), "a container with 0.25 cores has at most 2048"),
        (lambda: break_even(Workload(5, 5000)), "ml.c5.large has 4096; take a larger instance"),
        (lambda: billed_milliseconds(Workload(5, 64)), "a function has 128 to 10240 MB of memory, got 64"),
        (lambda: break_even(SMALL, against="function"), "against must be endpoint or container"),
    ],
)
def test_a_wrong_value_is_named(make, told):
    with pytest.raises(ValueError, match=told):
        make()


def test_own_prices_are_taken(tmp_path):
    content = yaml.safe_load(PRICES.read_text(encoding="utf-8"))
    content["endpoint"]["instances"]["ml.c5.large"]["dollars_per_hour"] = 0.2
    (tmp_path / "own.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    own = read_prices(tmp_path / "own.yml")
    assert monthly_cost(1, SMALL, prices=own).loc["endpoint", "dollars"] == pytest.approx(146)
    twice = break_even(SMALL, prices=own).requests_per_second / break_even(SMALL).requests_per_second
    assert twice == pytest.approx(0.2 / 0.102)


def test_a_gateway_of_another_price_is_paid_by_the_request(tmp_path):
    content = yaml.safe_load(PRICES.read_text(encoding="utf-8"))
    content["function"]["dollars_per_million_gateway_requests"] = 3.5
    (tmp_path / "own.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    own = monthly_cost(1e6, SMALL, prices=read_prices(tmp_path / "own.yml"))
    more = own.loc["function", "dollars_per_million"] - monthly_cost(1e6, SMALL).loc["function"].iloc[-1]
    assert more == pytest.approx(2.5, rel=1e-9)


def test_a_machine_holds_what_it_has_memory_for():
    full = Workload(5, 4096)
    table = monthly_cost(1, full, plan=Plan(container_cores=0.5))
    assert table["machines"].tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="take a larger instance"):
        break_even(Workload(5, 4097))


def test_a_curve_is_the_cost_at_each_rate():
    curve = cost_curve([0.5, 300], SMALL)
    for rate in curve.index:
        expected = monthly_cost(rate * 24 * 3600, SMALL)["dollars"]
        assert curve.loc[rate].tolist() == pytest.approx(expected.tolist(), rel=1e-9)


def broken(change):
    content = yaml.safe_load(PRICES.read_text(encoding="utf-8"))
    change(content)
    return yaml.safe_dump(content)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "own.yml is not YAML"),
        ("- a\n", "own.yml holds no mapping"),
        (broken(lambda content: content.pop("region")), "own.yml lacks region"),
        (broken(lambda content: content["function"].pop("date")), "own.yml lacks function.date"),
        (
            broken(lambda content: content["function"].update(dollars_per_gb_second="free")),
            "own.yml: function.dollars_per_gb_second must be a number above 0, got 'free'",
        ),
        (
            broken(
                lambda content: content["endpoint"]["instances"]["ml.c5.large"].update(dollars_per_hour=0)
            ),
            "endpoint.instances.ml.c5.large.dollars_per_hour must be a number above 0, got 0",
        ),
    ],
)
def test_a_broken_price_file_is_named(tmp_path, text, told):
    (tmp_path / "own.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=told):
        read_prices(tmp_path / "own.yml")


def test_a_missing_price_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no price file at .*none.yml"):
        read_prices(tmp_path / "none.yml")


def test_names_of_the_stage_load_neither_boto3_nor_moto():
    code = (
        "import sys, mlhelpers.serving as s; s.monthly_cost, s.break_even, s.check_terraform; "
        "assert not {'boto3', 'moto', 'hcl2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_break_even_is_a_value():
    assert break_even(SMALL, against="container") == break_even(SMALL, against="container")
    assert isinstance(break_even(SMALL), BreakEven)
