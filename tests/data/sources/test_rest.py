import pytest

from mlhelpers.data.sources import SourceError, demo_server, read_rest

ITEMS = [{"id": f"C{n}", "amount": n / 2, "extra": None} for n in range(25)]
COLUMNS = {"id": "text", "amount": "number"}


def read(server, **options):
    return read_rest(server.url, columns=COLUMNS, **{"key": "id", "backoff": 0.01, **options})


def test_all_pages_arrive_in_order():
    with demo_server(ITEMS, per_page=10) as server:
        frame, provenance = read(server)
    assert frame["id"].tolist() == [item["id"] for item in ITEMS]
    assert frame.columns.tolist() == ["id", "amount"]
    assert server.log == [(1, 200), (2, 200), (3, 200)]
    assert (provenance.kind, provenance.source, provenance.rows) == ("rest", "/v1/items", 25)


@pytest.mark.parametrize(
    ("query", "params", "recorded"),
    [
        ("", None, None),
        ("?wave=2", None, "wave=2"),
        ("", {"wave": 2, "lang": "en"}, "wave=2&lang=en"),
        ("?wave=2", {"lang": "en"}, "wave=2&lang=en"),
    ],
)
def test_the_record_holds_the_query_with_its_parameters(query, params, recorded):
    with demo_server(ITEMS, per_page=10) as server:
        _, provenance = read_rest(
            server.url + query, columns=COLUMNS, params=params, headers={"Authorization": "token"}
        )
    assert provenance.query == recorded
    assert "token" not in str(provenance)


@pytest.mark.parametrize("fault", [503, 500, "cut"])
def test_passing_faults_are_tried_again(fault):
    with demo_server(ITEMS, per_page=10, faults={2: [fault, fault]}) as server:
        frame, _ = read(server)
    assert len(frame) == 25
    assert [page for page, _ in server.log] == [1, 2, 2, 2, 3]


def test_too_many_requests_waits_as_long_as_asked():
    with demo_server(ITEMS, per_page=25, faults={1: [429]}) as server:
        import time

        start = time.monotonic()
        frame, _ = read(server, backoff=0)
        assert time.monotonic() - start >= 1
    assert len(frame) == 25


def test_slow_answer_is_asked_for_again():
    with demo_server(ITEMS, per_page=25, faults={1: ["slow"]}, slow_seconds=0.5) as server:
        frame, _ = read(server, timeout=(1, 0.1))
    assert len(frame) == 25
    assert server.log == [(1, 0), (1, 200)]


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({2: [503] * 9}, r"/v1/items: page 2: status 503"),
        ({2: ["cut"] * 9}, r"page 2: no answer after 2 retries \(ConnectionError\)"),
        ({2: [404]}, r"page 2: status 404"),
    ],
)
def test_lasting_faults_are_errors_and_no_page_is_dropped(faults, message):
    with demo_server(ITEMS, per_page=10, faults=faults) as server, pytest.raises(SourceError, match=message):
        read(server, retries=2)


class Changed(list):
    """A collection that serves one answer for every page."""


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"items": ITEMS[:2], "next": "?page=1", "total": 2}, "page 1 leads back|leads back to"),
        ({"items": ITEMS[:2], "next": "http://127.0.0.2:9/x", "total": 2}, r"another host: 127\.0\.0\.2:9"),
        ({"items": ITEMS[:2], "next": None, "total": 3}, "2 items in 1 pages, the server says 3"),
        ({"rows": []}, "an object with a list 'items'"),
        ([1], "an object with a list 'items'"),
        ({"items": [{"id": "C1"}], "next": None}, "column 'amount' is missing"),
        ({"items": [ITEMS[0]] * 2, "next": None}, "column 'id': 2 rows share their key"),
    ],
)
def test_wrong_pages_are_refused(answer, message, monkeypatch):
    import json

    original = json.dumps
    with demo_server(ITEMS) as server:
        monkeypatch.setattr(
            "mlhelpers.data.sources.rest.json.dumps",
            lambda body, **options: original(answer if "next" in body else body, **options),
        )
        with pytest.raises(SourceError, match=message):
            read_rest(server.url + "?page=1", columns=COLUMNS, key="id", backoff=0)


def test_an_answer_that_is_no_json_is_refused(monkeypatch):
    with demo_server(ITEMS) as server:
        monkeypatch.setattr("mlhelpers.data.sources.rest.json.dumps", lambda *_, **__: "<html>")
        with pytest.raises(SourceError, match="page 1: not JSON"):
            read(server)


def test_a_page_holds_at_least_one_item():
    with pytest.raises(ValueError, match="per_page must be at least 1"), demo_server(ITEMS, per_page=0):
        pass
