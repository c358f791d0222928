"""Alerts: several weeks in agreement, two limits, then silence; incidents, routes and Prometheus rules.

Taught in lesson 9.2 (alerts and incidents).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "AlertDefinition": "definition",
    "AlertsError": "definition",
    "load_alerts": "definition",
    "parse_alerts": "definition",
    "group_alarms": "groups",
    "quiet_since": "groups",
    "root_cause": "groups",
    "Incident": "incidents",
    "load_incident": "incidents",
    "grafana_dashboard": "grafana",
    "prometheus_config": "prometheus",
    "prometheus_rules": "prometheus",
    "write_prometheus": "prometheus",
    "SIGNALS": "definition",
    "EmailRoute": "route_kinds",
    "LogRoute": "route_kinds",
    "Message": "route_kinds",
    "WebhookRoute": "route_kinds",
    "Delivery": "routes",
    "deliver": "routes",
    "make_routes": "routes",
    "Alarm": "rules",
    "AlarmRule": "rules",
    "Watch": "rules",
    "alarm_states": "rules",
    "replay": "rules",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
