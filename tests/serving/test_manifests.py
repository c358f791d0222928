"""Each fault of a manifest is found by its rule at its line, and the manifests of deploy/ have none."""

import copy
from pathlib import Path

import pytest
import yaml

from mlhelpers.serving.manifests import Finding, check_manifests

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
GOOD = (FOLDER / "churn.yaml").read_text(encoding="utf-8")


def checked(tmp_path, text):
    (tmp_path / "app.yaml").write_text(text, encoding="utf-8")
    return check_manifests(tmp_path / "app.yaml")


def line_of(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_manifests_of_the_course_have_no_finding():
    assert check_manifests(FOLDER) == []
    assert check_manifests(FOLDER / "churn.yaml") == []


FAULTS = [  # rule, what is replaced, by what, a part of the line that is named, a part of the message
    ("KUB002", "kind: Service\n", "kind: Servise\n", "kind: Servise", "'Servise' is not known here"),
    (
        "KUB002",
        "apps/v1\nkind: Dep",
        "extensions/v1beta1\nkind: Dep",
        "extensions",
        "clusters take it as apps/v1",
    ),
    (
        "KUB003",
        "  name: churn\nspec:\n  minA",
        "  name: ML_Model\nspec:\n  minA",
        "name: ML_Model",
        "no DNS label",
    ),
    (
        "KUB004",
        "matchLabels: {app: churn}\n  strategy",
        "matchLabels: {app: chrun}\n  strategy",
        "{app: chrun}",
        "app=churn",
    ),
    (
        "KUB005",
        "  selector: {app: churn}\n  ports",
        "  selector: {app: other}\n  ports",
        "{app: other}",
        "matches no pod",
    ),
    (
        "KUB005",
        "kind: Deployment, name: churn",
        "kind: Deployment, name: churns",
        "churns}",
        "'churns', which is no",
    ),
    (
        "KUB006",
        "targetPort: http",
        "targetPort: 9090",
        "targetPort: 9090",
        "no port of the pods; they have 8080, http",
    ),
    ("KUB006", "port: 80,", "port: 70000,", "port: 70000", "not between 1 and 65535"),
    ("KUB008", "/health/ready, port: http", "/health/ready, port: 9000", "9000", "asks port 9000"),
    (
        "KUB009",
        "{path: /health/ready, port: http}",
        "{path: /v1/predict, port: http}",
        "/v1/predict",
        "readinessProbe asks",
    ),
    (
        "KUB010",
        "requests: {cpu: 250m, memory: 256Mi}",
        "requests: {cpu: 250m}",
        "requests:",
        "no requests of memory",
    ),
    ("KUB010", "          limits: {memory: 512Mi}\n", "", "resources:", "no limits of memory"),
    ("KUB011", "limits: {memory: 512Mi}", "limits: {memory: 1GB}", "1GB", "'1GB' is no quantity"),
    (
        "KUB011",
        "limits: {memory: 512Mi}",
        "limits: {cpu: 500, memory: 512Mi}",
        "500,",
        "500 cores; is 'm' missing?",
    ),
    ("KUB011", "memory: 256Mi}", "memory: 256}", "256}", "is 256 bytes"),
    (
        "KUB012",
        "cpu: 250m, memory: 256Mi}",
        "cpu: 250m, memory: 1Gi}",
        "1Gi",
        "request of memory is above its limit",
    ),
    ("KUB013", "churn:1.0.0@sha256:" + 64 * "0", "churn:latest", "churn:latest", "has no digest"),
    ("KUB014", "runAsNonRoot: true", "runAsNonRoot: false", "securityContext:", "runAsNonRoot is not true"),
    (
        "KUB014",
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
        "securityContext:",
        "readOnlyRoot",
    ),
    (
        "KUB015",
        "terminationGracePeriodSeconds: 30",
        "terminationGracePeriodSeconds: 8",
        "Seconds: 8",
        "8 s of grace",
    ),
    ("KUB015", '"--drain-seconds", "5"', '"--drain-seconds", "40"', "GracePeriod", "40 s of draining"),
    ("KUB016", "minReplicas: 3", "minReplicas: 1", "replicas: 3", "1 replicas"),
    ("KUB017", "maxUnavailable: 0 ", "maxUnavailable: 1 ", "rollingUpdate:", "maxUnavailable is not 0"),
]


@pytest.mark.parametrize(
    ("rule", "old", "new", "part", "told"), FAULTS, ids=[f"{f[0]} {f[2][:24]}" for f in FAULTS]
)
def test_fault_is_found_at_its_line(tmp_path, rule, old, new, part, told):
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)
    found = [finding for finding in checked(tmp_path, text) if finding.rule == rule]
    assert found and any(told in finding.message for finding in found), found
    if new:
        lines = text.splitlines()
        assert any(part in lines[finding.line - 1] for finding in found), found


def test_missing_probes_are_found_and_a_liveness_probe_on_predict_says_why(tmp_path):
    found = checked(tmp_path, GOOD.replace("readinessProbe:", "readynessProbe:"))
    assert [finding.rule for finding in found] == ["KUB007"]
    start = GOOD.index("livenessProbe:")
    text = GOOD[:start] + GOOD[start:].replace("/health/live", "/v1/predict", 1)
    (finding,) = checked(tmp_path, text)
    assert finding.rule == "KUB009" and "restart the pod" in finding.message
    start = GOOD.index("startupProbe:")
    text = GOOD[:start] + GOOD[start:].replace("port: http", "port: 1234", 1)
    assert [finding.rule for finding in checked(tmp_path, text)] == ["KUB008"]


def test_two_manifests_without_a_line_between_them_lose_one(tmp_path):
    text = GOOD.replace("---\napiVersion: v1\nkind: Service", "apiVersion: v1\nkind: Service")
    found = checked(tmp_path, text)
    twice = [finding for finding in found if finding.rule == "KUB001"]
    assert {"'kind'", "'spec'"} <= {finding.message.split()[0] for finding in twice}
    second = [at for at, line in enumerate(text.splitlines(), 1) if line.startswith("kind:")][1]
    assert second in {finding.line for finding in twice}


def test_single_replica_without_a_scaler_and_a_negative_number_of_them(tmp_path):
    alone = GOOD[: GOOD.index("---\napiVersion: autoscaling")]
    assert checked(tmp_path, alone) == []
    for number in (1, -3, '"3"'):
        text = alone.replace("replicas: 3", f"replicas: {number}")
        assert [finding.rule for finding in checked(tmp_path, text)] == ["KUB016"]


def test_secret_as_text_is_found_and_one_from_a_secret_is_not(tmp_path):
    put = "        env:\n        - name: API_KEY\n          {}\n        ports:\n"
    text = GOOD.replace("        ports:\n", put.format("value: hunter2"))
    (finding,) = checked(tmp_path, text)
    assert finding.rule == "KUB018" and finding.line == line_of(text, "hunter2")
    reference = "valueFrom: {secretKeyRef: {name: churn, key: api-key}}"
    assert checked(tmp_path, GOOD.replace("        ports:\n", put.format(reference))) == []


def test_selectors_are_looked_up_in_all_files_of_a_folder(tmp_path):
    for number, text in enumerate(GOOD.split("---\n")):
        (tmp_path / f"{number}.yaml").write_text(text)
    assert check_manifests(tmp_path) == []
    rules = {finding.rule for finding in check_manifests(tmp_path / "1.yaml")}
    assert rules == {"KUB005"}


def test_empty_document_is_a_finding(tmp_path):
    found = checked(tmp_path, GOOD + "---\n")
    assert [finding.rule for finding in found] == ["KUB002"]
    assert "remove it" in found[0].message
    assert [finding.rule for finding in checked(tmp_path, "- a\n- b\n")] == ["KUB002"]


def test_what_is_no_yaml_is_told_with_its_line(tmp_path):
    with pytest.raises(ValueError, match=r"app.yaml:2 is not YAML"):
        checked(tmp_path, "kind: Service\n  spec: [\n")
    (tmp_path / "app.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"app.yaml is not YAML"):
        check_manifests(tmp_path / "app.yaml")


def test_path_without_manifests_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"give a \.yaml file or a folder with some"):
        check_manifests(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no manifest"):
        check_manifests(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text", ["kind: Deployment\n", "kind: Service\nspec:\n", "a: 1\n", "kind: Deployment\nspec: 3\n"]
)
def test_stumps_are_findings_and_no_errors(tmp_path, text):
    assert checked(tmp_path, text)


def test_finding_reads_like_a_compiler_s():
    assert str(Finding("a.yaml", 3, "KUB003", "why")) == "a.yaml:3 KUB003 why"


JUNK = [None, 3, "x", [], {}, [1, "a", None], {"a": 1}, True, 2.5, [{}], [[]]]


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*path, step))


@pytest.mark.parametrize("number", range(4))
def test_whatever_stands_anywhere_is_a_finding_or_nothing_and_never_an_error(tmp_path, number):
    documents = list(yaml.safe_load_all(GOOD))
    for at, path in enumerate(list(places(documents[number]))[1:]):
        changed = copy.deepcopy(documents)
        inner = changed[number]
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = JUNK[at % len(JUNK)]
        assert isinstance(checked(tmp_path, yaml.safe_dump_all(changed)), list)
