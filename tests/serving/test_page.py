"""The pages for people: what they show, what they send, and that they need nothing from elsewhere."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest
from fastapi.testclient import TestClient

from mlhelpers.packaging import build_bundle, load_bundle
from mlhelpers.serving import create_app, hash_key, running_service

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def form(**changes):
    return {f"row.{name}": str(value) for name, value in (ROW | changes).items()}


def text(answer):
    return unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text, flags=re.DOTALL))


def test_home_shows_the_example_in_a_form(client, bundle):
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f"{bundle.name} {bundle.version}" in text(answer)
    example = bundle.example["request"]["rows"][0]
    for name, value in example.items():
        found = re.search(rf'name="row\.{name}"(?: value="([^"]*)"|>.*?<option selected>(.*?)<)', answer.text)
        assert (found[1] or found[2] or "") == ("" if value is None else str(value)), name


def test_form_as_it_comes_is_answered_as_the_api_answers(client, bundle):
    page = client.get("/").text
    fields = dict(re.findall(r'<input name="(row\.[^"]+)" value="([^"]*)"', page))
    fields |= dict(re.findall(r'<select name="(row\.[^"]+)">.*?<option selected>(.*?)</option>', page))
    answer = client.post("/", data=fields)
    example = bundle.example["request"]["rows"][0]
    (told,) = client.post("/v1/explain", json={"rows": example}).json()["explanations"]
    assert f"{told['probability']:.1%}" in text(answer)
    parts = sorted(told["contributions"].items(), key=lambda item: (-abs(item[1]), item[0]))
    reasons = re.findall(r"<li><b>(.*?)</b>.*?: ([-+][\d.]+) points</li>", answer.text)
    assert reasons == [(name, f"{100 * part:+.1f}") for name, part in parts if part][:3]


def test_what_does_not_fit_is_told_at_its_field_and_kept(client):
    answer = client.post("/", data=form(late="-1", charge="<b>much"))
    assert answer.status_code == 422
    assert "2 problems in the rows" in text(answer)
    assert 'value="&lt;b&gt;much"' in answer.text and "<b>much" not in answer.text
    late = answer.text.split('name="row.late"')[1].split('name="row.')[0]
    assert 'class="wrong' in late and 'value="-1"' in late


@pytest.mark.parametrize("body", [b"\xff", b"row.late=1", b"a=1&" * 50, b"row.late=1&row.late=2"])
def test_other_bodies_are_told_on_the_page(client, body):
    answer = client.post("/", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_key_is_asked_for_on_the_page(bundle):
    client = TestClient(create_app(bundle, api_keys={"shop": hash_key("k1")}))
    assert 'type="password"' in client.get("/").text
    assert client.post("/", data=form()).status_code == 401
    right = client.post("/", data=form() | {"api-key": "k1"})
    assert right.status_code == 200 and "k1" not in right.text
    assert "X-API-Key" in client.get("/docs").text


def test_description_names_every_operation_and_status(client):
    answer, document = client.get("/docs"), client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in text(answer)
            assert operation["summary"] in text(answer)
    assert "503" in text(answer)


def test_model_card_is_shown_as_text(client, bundle):
    assert bundle.model_card.strip() in unescape(client.get("/card").text)


@pytest.mark.parametrize("path", ["/", "/docs", "/card"])
def test_pages_fetch_and_run_nothing(client, path):
    answer = client.get(path)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<link|<img|<iframe|https?://|\bon\w+=", answer.text)


def test_names_from_a_bundle_are_text(parts, tmp_path):
    card = "# Card\n\n## Purpose\n\n<script>alert(1)</script> $x$\n"
    named = parts | {"name": "churn", "model_card": card}
    page = TestClient(create_app(load_bundle(build_bundle(tmp_path / "b", **named))))
    for path in ("/", "/card"):
        assert "<script" not in page.get(path).text
        assert "<script>alert(1)</script> $x$" in unescape(page.get(path).text)


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium on this machine")
def test_page_works_in_a_browser(built, tmp_path):
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
    ]
    with running_service(built, timeout=120, log=tmp_path / "log") as service:
        found = subprocess.run(
            [*command, "--dump-dom", f"{service.url}/"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    assert "Ask for one row" in found.stdout
    asked = [json.loads(line)["path"] for line in (tmp_path / "log").read_text().splitlines()]
    assert set(asked) <= {"/health/ready", "/", "/favicon.ico"}
