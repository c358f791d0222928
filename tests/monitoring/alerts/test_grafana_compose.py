"""The compose file starts what the other files of deploy/ describe, and mounts files that are there."""

import json
import re
from pathlib import Path

import pytest
import yaml

from mlhelpers.monitoring.alerts import load_alerts
from mlhelpers.packaging.image import dockerfile
from mlhelpers.serving.server import main as serve

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["services"]


def test_every_mounted_file_is_there_and_every_volume_is_declared(services):
    declared = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["volumes"]
    for service in services.values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith("./") else source in declared, mount


def test_images_have_a_version_and_no_secret_is_written_down(services):
    for name in ("prometheus", "grafana"):
        assert re.search(r":v?\d+\.\d+\.\d+$", services[name]["image"]), name
    password = services["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    assert password.startswith("${GRAFANA_PASSWORD:?")


def test_service_is_asked_where_prometheus_looks_for_it(services):
    port = load_alerts().service.targets[0].rpartition(":")[2]
    command = services["service"]["command"]
    assert command[-1] == port and f":{port}/health/ready" in services["service"]["healthcheck"]["test"][-1]
    assert services["prometheus"]["network_mode"] == "service:service"
    source = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )
    assert source["datasources"][0]["uid"] == "prometheus"
    ports = [mapping.rpartition(":")[2] for mapping in services["service"]["ports"]]
    assert ports == [port, source["datasources"][0]["url"].rpartition(":")[2], "3000"]
    assert all(mapping.startswith("127.0.0.1:") for mapping in services["service"]["ports"])


def test_command_is_that_of_the_image_but_for_the_port(services):
    text = dockerfile()
    words = json.loads(text[text.index("CMD [", text.index("STOPSIGNAL")) + 4 :].replace("\\\n", " "))
    assert services["service"]["command"][:-1] == words[:-1]


def test_service_knows_the_options_of_the_command(services, capsys):
    with pytest.raises(SystemExit):
        serve(["--help"])
    known = capsys.readouterr().out
    options = [word for word in services["service"]["command"] if word.startswith("--")]
    assert options and all(option in known for option in options)


def test_drain_fits_into_the_grace_period(services):
    assert int(services["service"]["stop_grace_period"].rstrip("s")) > 5
