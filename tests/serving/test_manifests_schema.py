"""The manifests of deploy/ against the schemas of Kubernetes, and what these schemas cannot see."""

import warnings
from pathlib import Path

import pytest
import yaml

from mlhelpers.serving.manifests import check_manifests

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
GOOD = (FOLDER / "churn.yaml").read_text(encoding="utf-8")
VERSIONS = ("1.31", "1.33", kubernetes_validate.latest_version())  # `preStop.sleep` is on from 1.30
UNSEEN = [  # rule of ours, what is replaced, by what
    ("KUB001", "---\napiVersion: v1\n", "apiVersion: v1\n"),
    (
        "KUB003",
        "  name: churn\n  labels: {app: churn}\nspec:\n  replicas",
        "  name: ML_Model\nspec:\n  replicas",
    ),
    ("KUB004", "matchLabels: {app: churn}\n  strategy", "matchLabels: {app: chrun}\n  strategy"),
    ("KUB006", "port: 80,", "port: 70000,"),
    ("KUB008", "/health/ready, port: http", "/health/ready, port: 9000"),
    ("KUB009", "{path: /health/ready, port: http}", "{path: /healthz, port: http}"),
    ("KUB011", "limits: {memory: 512Mi}", "limits: {cpu: 500, memory: 512Mi}"),
    ("KUB011", "limits: {memory: 512Mi}", "limits: {memory: 1GB}"),
    ("KUB012", "limits: {memory: 512Mi}", "limits: {cpu: 200m, memory: 512Mi}"),
    ("KUB013", "churn:1.0.0@sha256:" + 64 * "0", "churn:latest"),
    ("KUB016", "minReplicas: 3", "minReplicas: -3"),
]


def documents(text):
    return list(yaml.safe_load_all(text))


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_of_the_course_are_valid_by_the_strict_schemas(version):
    for path in sorted(FOLDER.iterdir()):
        for document in documents(path.read_text(encoding="utf-8")):
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("livenessProbe:", "livenesProbe:"),
        ("  replicas: 3\n", '  replicas: "3"\n'),
        ("/health/ready, port: http", "/health/ready"),
    ],
)
def test_schemas_find_wrong_names_types_and_what_is_missing(old, new):
    assert GOOD.count(old) == 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(documents(GOOD.replace(old, new))[0], "1.33", strict=True)


@pytest.mark.parametrize(
    ("rule", "old", "new"), UNSEEN, ids=[f"{rule} {new[:24]}" for rule, _, new in UNSEEN]
)
def test_what_the_schemas_pass_is_found_by_a_rule(tmp_path, rule, old, new):
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)
    for document in documents(text):
        kubernetes_validate.validate(document, "1.33", strict=True)
    (tmp_path / "app.yaml").write_text(text, encoding="utf-8")
    assert rule in {finding.rule for finding in check_manifests(tmp_path)}
