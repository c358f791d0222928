"""The one definition of all alerts, in YAML: weekly rules, rules of the service, and who is told.

Taught in lesson 9.2 (alerts and incidents). `mlhelpers.monitoring.alerts.prometheus` writes the rules of the
service.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlhelpers.monitoring.alerts.rules import AlarmRule


@dataclass(frozen=True)
class Signal:
    """One watched quantity.

    Attributes
    ----------
    meaning : str
        In words.
    unit : str
        "share", "seconds", "probability", "versions" or "yes or no" (1 or 0).
    by : tuple of str
        Labels that tell several values apart; one alert can be raised for each.
    expression : callable
        Takes the ``service`` part of a definition, returns PromQL.
    """

    meaning: str
    unit: str
    by: tuple[str, ...]
    expression: Callable[[Any], str]


def _chosen(service: Any, status: str = "") -> str:
    paths = "|".join(service.paths)
    more = f',status=~"{status}"' if status else ""
    return f'{{job="{service.job}",path=~"{paths}"{more}}}'


def _share(status: str) -> Callable[[Any], str]:
    def expression(service: Any) -> str:
        window = f"[{service.window_minutes}m]"
        some = f"sum(rate(mle_requests_total{_chosen(service, status)}{window}))"
        return f"{some} / sum(rate(mle_requests_total{_chosen(service)}{window}))"

    return expression


def _latency(service: Any) -> str:
    rate = f"rate(mle_request_seconds_bucket{_chosen(service)}[{service.window_minutes}m])"
    return f"histogram_quantile(0.99, sum by (le, path) ({rate}))"


def _silence(service: Any) -> str:
    rate = f"sum(rate(mle_requests_total{_chosen(service)}[{service.window_minutes}m]))"
    return f"({rate} or vector(0)) == bool 0"


def _refused_cells(service: Any) -> str:
    job, window = f'{{job="{service.job}"}}', f"[{service.window_minutes}m]"
    cells = f"sum by (column) (rate(mle_validation_errors_total{job}{window}))"
    rows = f"(sum(rate(mle_rows_total{job}{window})) or vector(0))"
    return f"{cells} / (({cells}) + on () group_left () {rows})"


def _prediction_shift(service: Any) -> str:
    job, window = f'{{job="{service.job}"}}', f"[{service.prediction_minutes}m]"
    total = f"sum by (version) (increase(mle_predictions_sum{job}{window}))"
    count = f"sum by (version) (increase(mle_predictions_count{job}{window}))"
    enough = f"{count} >= {service.prediction_rows}"
    return f"abs({total} / {count} - {service.prediction_mean:g}) and {enough}"


def _versions(service: Any) -> str:
    return f'count by (role) (count by (role, version, bundle) (mle_model_info{{job="{service.job}"}} == 1))'


def _down(service: Any) -> str:
    return f'1 - min by (instance) (up{{job="{service.job}"}})'


SIGNALS: dict[str, Signal] = {
    "error_share": Signal("answers with status 5xx", "share", (), _share("5..")),
    "refused_share": Signal("requests refused for load (429, 503)", "share", (), _share("429|503")),
    "invalid_share": Signal("requests refused for their content (400, 422)", "share", (), _share("400|422")),
    "invalid_cells": Signal("rows whose value of a column is refused", "share", ("column",), _refused_cells),
    "latency_p99": Signal("99th percentile of the time to answer", "seconds", ("path",), _latency),
    "prediction_shift": Signal(
        "distance of the mean probability from that of training",
        "probability",
        ("version",),
        _prediction_shift,
    ),
    "no_requests": Signal("no request arrives", "yes or no", (), _silence),
    "model_versions": Signal("models at once in one role", "versions", ("role",), _versions),
    "instance_down": Signal("an instance cannot be scraped", "yes or no", ("instance",), _down),
}


_Share = Annotated[float, Field(ge=0, le=1)]
_Text = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(ge=1, le=1000)]


class AlertsError(ValueError):
    """A definition of alerts cannot be used; each line names the file, the key and what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WeeklyRule(_Strict):
    """Rule for the weekly figures of one kind: `AlarmRule` and whom it concerns."""

    k: _Count = 2
    n: _Count = 3
    cooldown: Annotated[int, Field(ge=0)] = 4
    clear: Annotated[float, Field(gt=0, le=1)] = 1.0
    severity: _Text
    action: _Text

    @model_validator(mode="after")
    def _usable(self):
        self.rule  # noqa: B018  its own check
        return self

    @property
    def rule(self) -> AlarmRule:
        """For `replay`, `replay_weeks` and `alarm_states`."""
        return AlarmRule(k=self.k, n=self.n, cooldown=self.cooldown, clear=self.clear)


class ServiceAlert(_Strict):
    """Rule for a signal: `k` of `n` checks above one limit raise, `n` at or below a lower one clear."""

    name: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$")]
    signal: str
    raise_above: Annotated[float, Field(ge=0)]
    clear_below: Annotated[float, Field(ge=0)]
    k: _Count = 5
    n: _Count = 5
    severity: _Text
    summary: _Text
    action: _Text

    @model_validator(mode="after")
    def _usable(self):
        if self.signal not in SIGNALS:
            raise ValueError(f"no signal {self.signal!r}{_near(self.signal, SIGNALS)}")
        if self.clear_below > self.raise_above:
            raise ValueError(
                f"clear_below {self.clear_below:g} is above raise_above {self.raise_above:g}: "
                "an alert would clear while it is raised"
            )
        if self.k > self.n:
            raise ValueError(f"k must be at most n, got k={self.k} and n={self.n}")
        return self


class Service(_Strict):
    """What the signals refer to."""

    job: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    targets: Annotated[tuple[_Text, ...], Field(min_length=1)]
    paths: Annotated[tuple[Annotated[str, Field(pattern=r"^/[A-Za-z0-9/_-]+$")], ...], Field(min_length=1)]
    interval_seconds: Annotated[int, Field(ge=5, le=240)] = 60
    window_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    prediction_mean: _Share
    prediction_minutes: Annotated[int, Field(ge=1, le=10080)] = 60
    prediction_rows: Annotated[int, Field(ge=1)] = 500


class RouteSettings(_Strict):
    """Where a message goes. A secret address stands in the environment variable that `url_env` names."""

    kind: Literal["log", "webhook", "email"]
    url: str | None = None
    url_env: str | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    sender: str | None = None
    to: tuple[_Text, ...] = ()
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 25

    @model_validator(mode="after")
    def _usable(self):
        if self.kind == "webhook" and (self.url is None) == (self.url_env is None):
            raise ValueError("a webhook needs either url or url_env, the variable that holds it")
        if self.kind == "email" and not (self.sender and self.to):
            raise ValueError("an email needs sender and to")
        return self


class AlertDefinition(_Strict):
    """All alerts of a model and its service; read by `load_alerts`.

    Attributes
    ----------
    service : Service
        Job, paths, windows and the reference of predictions.
    weekly : mapping of str to WeeklyRule
        By kind of alarm: data, performance.
    alerts : tuple of ServiceAlert
    routes : mapping of str to RouteSettings
    severities : mapping of str to tuple of str
        Routes of each severity.
    """

    service: Service
    weekly: dict[Literal["data", "performance"], WeeklyRule]
    alerts: Annotated[tuple[ServiceAlert, ...], Field(min_length=1)]
    routes: Annotated[dict[str, RouteSettings], Field(min_length=1)]
    severities: Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]

    @model_validator(mode="after")
    def _agree(self):
        names = [alert.name for alert in self.alerts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"alerts: {', '.join(twice)} stands there twice")
        for severity, routes in self.severities.items():
            for route in routes:
                if route not in self.routes:
                    raise ValueError(f"severities.{severity}: no route {route!r}{_near(route, self.routes)}")
        for place, asked in [
            *((f"alerts: {alert.name}", alert.severity) for alert in self.alerts),
            *((f"weekly.{kind}", rule.severity) for kind, rule in self.weekly.items()),
        ]:
            if asked not in self.severities:
                raise ValueError(f"{place}: no severity {asked!r}{_near(asked, self.severities)}")
        return self

    def _repr_html_(self) -> str:
        from html import escape

        lines = [
            f"<tr><td>{escape(alert.name)}</td><td>{alert.signal}</td><td>{alert.raise_above:g}</td>"
            f"<td>{alert.clear_below:g}</td><td>{alert.k} of {alert.n}</td>"
            f"<td>{escape(alert.severity)}</td></tr>"
            for alert in self.alerts
        ]
        titles = ("alert", "signal", "raise above", "clear below", "checks", "severity")
        head = "".join(f"<th>{title}</th>" for title in titles)
        return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def load_alerts(path: str | Path | None = None) -> AlertDefinition:
    """Read and check the definition of alerts.

    Taught in lesson 9.2.

    Parameters
    ----------
    path : str or Path, optional
        YAML file; by default ``deploy/alerts.yml`` of the course, looked for from the current folder upward
        and then beside the package.

    Returns
    -------
    AlertDefinition

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    AlertsError
        If it cannot be used, with one line for each fault.
    """
    file = find_in_course(Path("deploy", "alerts.yml")) if path is None else Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no definition of alerts at {file}")
    return parse_alerts(file.read_text(encoding="utf-8"), source=file.name)


def parse_alerts(settings: str | Mapping[str, Any], *, source: str = "alerts") -> AlertDefinition:
    """Check a definition of alerts that is given as YAML text or as a mapping.

    Taught in lesson 9.2. Errors as for `load_alerts`; `source` is what they call it.
    """
    import yaml

    if isinstance(settings, str):
        try:
            settings = yaml.safe_load(settings)
        except yaml.YAMLError as error:
            raise AlertsError(f"{source}: no valid YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(settings, Mapping):
        raise AlertsError(f"{source}: expected keys with values, got {type(settings).__name__}")
    try:
        return AlertDefinition.model_validate(dict(settings))
    except ValidationError as error:
        faults = error.errors()
        lines = [_explain(fault) for fault in faults if not _follows(fault, faults)]
        raise AlertsError("\n".join(f"{source}: {line}" for line in lines)) from None


def find_in_course(inside: Path) -> Path:
    """Path of a file of the course: from the current folder upward, then beside the package."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / inside).exists():
            return folder / inside
    raise FileNotFoundError(f"no {inside.as_posix()} in {here}, above it or beside the package")


def _explain(fault: Mapping[str, Any]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    place = f"{place.lstrip('.')}: " if place else ""
    if fault["type"] == "extra_forbidden":
        return f"{place}no such key (value {reprlib.repr(fault['input'])}); remove it or correct the name"
    if fault["type"] == "missing":
        return f"{place}missing; write it down"
    if fault["type"] == "value_error":
        return f"{place}{fault['ctx']['error']}"
    message = fault["msg"][0].lower() + fault["msg"][1:]
    return f"{place}got {reprlib.repr(fault['input'])}; {message}"


def _follows(fault: Mapping[str, Any], faults: list[Any]) -> bool:
    """Whether a list is too short only because its entries have faults, which are told themselves."""
    size = len(fault["loc"])
    inside = any(len(other["loc"]) > size and other["loc"][:size] == fault["loc"] for other in faults)
    return fault["type"] == "too_short" and inside


def _near(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
