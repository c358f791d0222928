import json

import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.serving import create_app
from mlhelpers.serving.payload import parse_json

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def expected(bundle, *rows):
    return pytest.approx(list(bundle.predict(bundle.validate(list(rows))[0])), abs=1e-8)


INVOCATIONS = {
    "dataframe_records": [ROW],
    "instances": [ROW],
    "dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]},
    "inputs": {name: [value] for name, value in ROW.items()},
    "rows": ROW,
}


@pytest.mark.parametrize("shape", INVOCATIONS)
def test_mlflows_and_sagemakers_formats_are_answered(client, bundle, shape):
    answer = client.post("/invocations", json={shape: INVOCATIONS[shape]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == expected(bundle, ROW)


def test_rows_that_are_lists_are_in_the_models_order(client, bundle):
    values = [[ROW[name] for name in bundle.columns]]
    assert client.post("/invocations", json={"instances": values}).json()["predictions"] == expected(
        bundle, ROW
    )


@pytest.mark.parametrize("head", ["charge,late,contract,region\r\n", ""])
def test_csv_with_and_without_names_is_answered(client, bundle, head):
    body = f"{head}55.5,1,monthly,north\r\n,2,,coast\r\n"
    headers = {"content-type": "text/csv; charset=utf-8", "accept": "text/csv"}
    answer = client.post("/invocations", content=body, headers=headers)
    assert answer.headers["content-type"] == "text/csv"
    second = {"charge": None, "late": 2, "contract": None, "region": "coast"}
    assert [float(line) for line in answer.text.split()] == expected(bundle, ROW, second)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ([1], 422, "expected an object with dataframe_split"),
        ({}, 422, "expected exactly one of .* got none"),
        ({"instances": [ROW], "rows": [ROW]}, 422, "expected exactly one of"),
        ({"instances": [ROW], "other": 1}, 422, "expected exactly one of"),
        ({"instances": []}, 422, '"instances" must be a list of at least one row'),
        ({"instances": [[1, 2]]}, 422, "a row has 2 values, there are 4 columns"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, 422, "a column is named twice"),
        ({"dataframe_split": [1]}, 422, '"dataframe_split" must hold "columns"'),
        ({"inputs": {"charge": [1], "late": [1, 2]}}, 422, '"inputs" must give each column a list'),
        ({"inputs": {"charge": 1}}, 422, '"inputs" must give each column a list'),
        ({"instances": [{"charge": 1}]}, 422, "3 problems in the rows"),
        ({"instances": [7]}, 422, "1 problem in the rows"),
    ],
)
def test_invocation_of_another_shape_is_refused(client, body, status, message):
    answer = client.post("/invocations", json=body)
    assert answer.status_code == status
    assert pytest.importorskip("re").search(message, answer.json()["detail"])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"\xff\xfe", 400, "the body is not CSV in UTF-8"),
        (b'"open', 400, "the body is not CSV"),
        (b"charge,late,contract,region\n", 422, "the CSV holds no row"),
        (b"1,2\n", 422, "a row has 2 values"),
        (b"nan,1,monthly,north\n", 422, "1 problem in the rows"),
    ],
)
def test_csv_that_cannot_be_read_is_refused(client, body, status, message):
    answer = client.post("/invocations", content=body, headers={"content-type": "text/csv"})
    assert (answer.status_code, message in answer.json()["detail"]) == (status, True)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"rows": {"charge": 1, "late": 1, "charge": 900}}', "charge"),
        (b'{"rows": [{"charge" : 1}, {"late": 1, "late"\n: 2}]}', "late"),
        (b'{"rows": {"charge": 1}, "rows": {"charge": 2}}', "rows"),
        (b'{"rows": {"contract": "a:b", "contract": "c"}}', "contract"),
        (b'{"rows": {"charge": {"deep": {"x": 1, "x": 2}}}}', "x"),
        (b'{"rows": {"lat\\u0065": 1, "late": 2}}', "late"),
    ],
)
def test_key_that_stands_twice_is_refused_by_name(client, body, key):
    for path in ("/v1/predict", "/v1/explain", "/invocations"):
        answer = client.post(path, content=body)
        assert answer.status_code == 400
        assert f'the key "{key}" stands twice in one object' in answer.json()["detail"]


@pytest.mark.parametrize("text", ['a:b":c', 'back\\slash":', "\\", '"', "12:30:00", '\\\\":'])
def test_colons_and_quotes_in_texts_are_no_keys(text):
    content = {"rows": [{"contract": text, text or "x": [text, {text: text}]}] * 3}
    assert parse_json(orjson.dumps(content)) == content


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='":\\a,{}', max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(alphabet='":\\a', max_size=4), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
def test_json_without_doubled_keys_is_read_as_it_is(content):
    assert parse_json(json.dumps(content).encode()) == content
    assert parse_json(json.dumps(content, indent=1, separators=(" , ", " : ")).encode()) == content


def test_doubled_column_of_a_csv_is_refused_by_name(client):
    answer = client.post(
        "/invocations", content="charge,late,charge\n1,2,3\n", headers={"content-type": "text/csv"}
    )
    assert answer.status_code == 422
    assert "names the column charge twice" in answer.json()["detail"]
