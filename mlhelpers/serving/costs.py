"""What a service costs a month as an endpoint, a function or containers, and where they break even.

Taught in lesson 7.3 (cloud platforms). The prices are list prices in `prices.yml`, each with source and date.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

PRICES = Path(__file__).with_name("prices.yml")
WAYS = ("endpoint", "function", "container")
_NEEDED = {
    "endpoint": ("source", "date", "instances"),
    "function": (
        "source",
        "date",
        "dollars_per_million_requests",
        "dollars_per_gb_second",
        "dollars_per_million_gateway_requests",
        "free_requests",
        "free_gb_seconds",
        "memory_mb",
        "memory_mb_per_core",
    ),
    "container": (
        "source",
        "date",
        "dollars_per_core_hour",
        "dollars_per_gb_hour",
        "dollars_per_balancer_hour",
        "memory_mb_by_cores",
    ),
}


@dataclass(frozen=True)
class Prices:
    """List prices of one region.

    Attributes
    ----------
    region, currency : str
    hours_per_month : float
        730: those of a twelfth of a year.
    left_out : str
        What no price here covers.
    endpoint, function, container : dict
        Prices of each way, with `source` and `date`.
    """

    region: str
    currency: str
    hours_per_month: float
    left_out: str
    endpoint: Mapping[str, Any] = field(repr=False)
    function: Mapping[str, Any] = field(repr=False)
    container: Mapping[str, Any] = field(repr=False)

    @property
    def seconds_per_month(self) -> float:
        """Seconds of the month that is billed."""
        return self.hours_per_month * 3600


def read_prices(path: str | Path | None = None) -> Prices:
    """Read list prices from a YAML file.

    Taught in lesson 7.3. The file of the package is a starting point: prices change and differ by region, so
    look them up and give a file of your own before you decide by them.

    Parameters
    ----------
    path : str or Path, optional
        The package's own `prices.yml` without it.

    Returns
    -------
    Prices

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not YAML, lacks a key, or a price is no number above 0; names file and key.
    """
    path = Path(path or PRICES)
    if not path.is_file():
        raise FileNotFoundError(f"there is no price file at {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no mapping; begin with the one of mlhelpers/serving/prices.yml")
    needed = {name: () for name in ("region", "currency", "hours_per_month", "left_out")} | _NEEDED
    for name, keys in needed.items():
        if name not in content:
            raise ValueError(f"{path.name} lacks {name}")
        for key in keys:
            if key not in content[name]:
                raise ValueError(f"{path.name} lacks {name}.{key}")
    for where, value in _amounts(content):
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
            raise ValueError(f"{path.name}: {where} must be a number above 0, got {value!r}")
    return Prices(**{name: content[name] for name in needed})


def _amounts(content: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _amounts(value, f"{above}{key}.")
        elif str(key).startswith(("dollars", "hours", "cores", "sustained")):
            yield f"{above}{key}", value


@dataclass(frozen=True)
class Workload:
    """What one request needs, and how uneven requests come.

    Attributes
    ----------
    milliseconds : float
        Computation of one request on one whole core, in one thread.
    memory_mb : int
        Memory of the function, and what a process of the other two ways needs.
    waiting_ms : float, default=0.0
        Time in which a request waits for something else, such as a feature store. A function pays for it; the
        other two answer other requests meanwhile.
    peak : float, default=1.0
        Requests of the busiest hour by those of the mean one. Endpoint and containers are sized for the
        busiest.

    Raises
    ------
    ValueError
        If a value is out of its range; names it.
    """

    milliseconds: float
    memory_mb: int
    waiting_ms: float = 0.0
    peak: float = 1.0

    def __post_init__(self) -> None:
        _in_range("milliseconds", self.milliseconds, 0, above=True)
        _in_range("memory_mb", self.memory_mb, 0, above=True)
        _in_range("waiting_ms", self.waiting_ms, 0)
        _in_range("peak", self.peak, 1)


@dataclass(frozen=True)
class Plan:
    """What is rented.

    Attributes
    ----------
    instance : str, default="ml.c5.large"
        Machine of the endpoint, one of the price file.
    container_cores : float, default=0.25
        Cores of one container; its memory is the smallest that is offered with them and holds the process.
    at_least : int, default=1
        Machines or containers that always run; 2 survive the loss of one.
    utilization : float, default=0.6
        Share of the cores that may be busy in the busiest hour.
    gateway : bool, default=True
        The function is called through an API gateway, which costs more than the call itself; False for a
        function URL, without its keys, limits and own domain.
    free_tier : bool, default=False
        Take off what a function has free each month.

    Raises
    ------
    ValueError
        If a value is out of its range; names it.
    """

    instance: str = "ml.c5.large"
    container_cores: float = 0.25
    at_least: int = 1
    utilization: float = 0.6
    gateway: bool = True
    free_tier: bool = False

    def __post_init__(self) -> None:
        _in_range("at_least", self.at_least, 1)
        _in_range("utilization", self.utilization, 0, above=True)
        if self.utilization > 1:
            raise ValueError(f"utilization is a share of at most 1, got {self.utilization}")


def billed_milliseconds(workload: Workload, *, prices: Prices | None = None) -> int:
    """Time that a function pays for one request.

    Taught in lesson 7.3. A function has a share of a core that grows with its memory, so the same computation
    takes longer with less memory; waiting takes as long with any.

    Parameters
    ----------
    workload : Workload
    prices : Prices, optional

    Returns
    -------
    int
        Milliseconds, rounded up to whole ones as they are billed.

    Raises
    ------
    ValueError
        If no function has so much or so little memory.
    """
    prices = prices or read_prices()
    least, most = prices.function["memory_mb"]
    if not least <= workload.memory_mb <= most:
        raise ValueError(f"a function has {least} to {most} MB of memory, got {workload.memory_mb}")
    share = min(1.0, workload.memory_mb / prices.function["memory_mb_per_core"])
    # the tiny step down: a quotient that is whole must not be rounded up for its last bit
    return math.ceil(workload.milliseconds / share + workload.waiting_ms - 1e-9)


def monthly_cost(
    requests_per_day: float,
    workload: Workload,
    *,
    plan: Plan | None = None,
    prices: Prices | None = None,
) -> pd.DataFrame:
    """Dollars a month for a managed endpoint, a function and containers behind a load balancer.

    Taught in lesson 7.3.

    Parameters
    ----------
    requests_per_day : float
        Mean over the month.
    workload : Workload
    plan : Plan, optional
        The defaults of `Plan` without it.
    prices : Prices, optional
        The package's list prices without it.

    Returns
    -------
    DataFrame
        One row each for endpoint, function and container (the index, `way`): `machines` (machines or
        containers that always run; 0 for the function), `dollars` a month, `dollars_per_million` requests
        (NaN without requests).

    Raises
    ------
    ValueError
        If `requests_per_day` is below 0, the machine is not in the price file, or the memory does not fit;
        names the parameter.
    """
    prices, plan = prices or read_prices(), plan or Plan()
    _in_range("requests_per_day", requests_per_day, 0)
    rate = requests_per_day / 86_400
    requests = rate * prices.seconds_per_month
    machines = {way: _machines(rate, _rented(way, workload, plan, prices), plan) for way in WAYS}
    dollars = {way: _fixed(machines[way], _rented(way, workload, plan, prices)) for way in WAYS}
    dollars["function"] = _function(requests, workload, plan, prices)
    table = pd.DataFrame({"machines": machines, "dollars": dollars}).rename_axis("way")
    table["dollars_per_million"] = table["dollars"] / requests * 1e6 if requests else math.nan
    return table


def cost_curve(
    requests_per_second: Iterable[float],
    workload: Workload,
    *,
    plan: Plan | None = None,
    prices: Prices | None = None,
) -> pd.DataFrame:
    """Dollars a month at several rates, for a figure.

    Taught in lesson 7.3.

    Parameters
    ----------
    requests_per_second : iterable of float
        Means over the month.
    workload, plan, prices
        As for `monthly_cost`.

    Returns
    -------
    DataFrame
        Indexed by `requests_per_second`; columns endpoint, function and container in dollars a month.

    Raises
    ------
    ValueError
        As `monthly_cost`.
    """
    rates = list(requests_per_second)
    prices = prices or read_prices()
    rows = [monthly_cost(rate * 86_400, workload, plan=plan, prices=prices)["dollars"] for rate in rates]
    index = pd.Index(rates, name="requests_per_second", dtype=float)
    return pd.DataFrame([row.to_list() for row in rows], index=index, columns=list(WAYS))


@dataclass(frozen=True)
class BreakEven:
    """The lowest traffic at which a function costs as much as what always runs.

    Attributes
    ----------
    against : str
        "endpoint" or "container".
    requests_per_second : float
        Mean over the month; infinite if the function is cheaper at every traffic.
    machines : int
        Machines or containers that carry this traffic; 0 if there is no such traffic.
    dollars : float
        What both cost a month there; NaN if there is no such traffic.
    """

    against: str
    requests_per_second: float
    machines: int
    dollars: float

    @property
    def requests_per_day(self) -> float:
        """The same traffic by day."""
        return self.requests_per_second * 86_400

    def __str__(self) -> str:
        if not self.machines:
            return f"a function is cheaper than the {self.against} at every traffic"
        return (
            f"a function costs as much as the {self.against} from {self.requests_per_second:,.2f} requests a "
            f"second ({self.requests_per_day:,.0f} a day; {self.machines} running, "
            f"{self.dollars:,.2f} dollars a month)"
        )


def break_even(
    workload: Workload,
    *,
    against: str = "endpoint",
    plan: Plan | None = None,
    prices: Prices | None = None,
) -> BreakEven:
    """Traffic at which a function stops being cheaper than an endpoint or containers.

    Taught in lesson 7.3. What always runs is paid in steps, one for each further machine, so shortly after a
    step the function may be cheaper again; the answer is the lowest traffic. There is none if a full machine
    costs more than the requests that it carries, as with long requests and a high peak. The free tier is not
    taken off here.

    Parameters
    ----------
    workload : Workload
    against : {"endpoint", "container"}, default="endpoint"
    plan : Plan, optional
        The defaults of `Plan` without it.
    prices : Prices, optional
        The package's list prices without it.

    Returns
    -------
    BreakEven

    Raises
    ------
    ValueError
        If `against` is another, the machine is not in the price file, or the memory does not fit.
    """
    prices, plan = prices or read_prices(), plan or Plan()
    if against not in ("endpoint", "container"):
        raise ValueError(f"against must be endpoint or container, got {against!r}")
    rented = _rented(against, workload, plan, prices)
    each = (
        _function(1.0, workload, plan, prices, free_tier=False) * prices.seconds_per_month
    )  # per request a second
    gain = each * rented.carried - rented.each  # what one full machine saves
    if gain <= 0:
        return BreakEven(against, math.inf, 0, math.nan)
    machines = max(plan.at_least, math.ceil(rented.once / gain - 1e-9))
    dollars = _fixed(machines, rented)
    return BreakEven(against, dollars / each, machines, dollars)


# --- parts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rented:
    """Dollars a month `once` and for `each` machine, and the mean requests a second that one carries."""

    once: float
    each: float
    carried: float


def _rented(way: str, workload: Workload, plan: Plan, prices: Prices) -> _Rented:
    if way == "function":
        return _Rented(0.0, 0.0, math.inf)
    if way == "endpoint":
        instances = prices.endpoint["instances"]
        if plan.instance not in instances:
            raise ValueError(f"instance must be one of {', '.join(instances)}, got {plan.instance!r}")
        one = instances[plan.instance]
        if workload.memory_mb > one["memory_mb"]:
            raise ValueError(
                f"memory_mb is {workload.memory_mb}, and {plan.instance} has {one['memory_mb']}; "
                "take a larger instance"
            )
        once, hourly, cores = 0.0, one["dollars_per_hour"], one["sustained_cores"]
    else:
        cores = plan.container_cores
        sizes = {float(key): value for key, value in prices.container["memory_mb_by_cores"].items()}
        if cores not in sizes:
            raise ValueError(
                f"container_cores must be one of {', '.join(f'{size:g}' for size in sizes)}, got {cores!r}"
            )
        fitting = [size for size in sizes[cores] if size >= workload.memory_mb]
        if not fitting:
            raise ValueError(
                f"memory_mb is {workload.memory_mb}, and a container with {cores:g} cores has at most "
                f"{max(sizes[cores])}; raise container_cores"
            )
        once = prices.container["dollars_per_balancer_hour"] * prices.hours_per_month
        hourly = cores * prices.container["dollars_per_core_hour"]
        hourly += min(fitting) / 1024 * prices.container["dollars_per_gb_hour"]
    carried = cores * plan.utilization * 1000 / workload.milliseconds / workload.peak
    return _Rented(once, hourly * prices.hours_per_month, carried)


def _machines(rate: float, rented: _Rented, plan: Plan) -> int:
    return 0 if math.isinf(rented.carried) else max(plan.at_least, math.ceil(rate / rented.carried - 1e-9))


def _fixed(machines: int, rented: _Rented) -> float:
    return rented.once + machines * rented.each


def _function(
    requests: float, workload: Workload, plan: Plan, prices: Prices, *, free_tier: bool | None = None
) -> float:
    rates = prices.function
    seconds = requests * billed_milliseconds(workload, prices=prices) / 1000 * workload.memory_mb / 1024
    paid = requests
    if plan.free_tier if free_tier is None else free_tier:
        paid, seconds = max(0, paid - rates["free_requests"]), max(0, seconds - rates["free_gb_seconds"])
    dollars = paid * rates["dollars_per_million_requests"] / 1e6 + seconds * rates["dollars_per_gb_second"]
    return dollars + plan.gateway * requests * rates["dollars_per_million_gateway_requests"] / 1e6


def _in_range(name: str, value: float, least: float, *, above: bool = False) -> None:
    if not (value > least if above else value >= least) or value == math.inf:
        raise ValueError(f"{name} must be {'above' if above else 'at least'} {least:g}, got {value!r}")
