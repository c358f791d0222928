"""The document that the service publishes says what the service takes."""

from types import SimpleNamespace

import pandas as pd
import pytest

from mlhelpers.packaging import infer_signature
from mlhelpers.packaging.rows import RowReader
from mlhelpers.serving.openapi import openapi_document

FRAME = pd.DataFrame(
    {"paperless": [True, False, None], "active": [True] * 3, "plan": ["a", None, "b"], "late": [1, 2, 3]}
)
SIGNATURE = infer_signature(FRAME, units={"late": "months"})
GOOD = {"paperless": True, "active": True, "plan": "a", "late": 2}


@pytest.fixture(scope="module")
def paths():
    bundle = SimpleNamespace(
        name="churn",
        version="1",
        classes=None,
        signature=SIGNATURE,
        columns=[*FRAME],
        example={"request": {"rows": [GOOD]}, "response": {}},
    )
    return openapi_document(bundle, max_rows=10, max_explained=2, keys=False)["paths"]


@pytest.fixture(scope="module")
def properties(paths):
    body = paths["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return body["properties"]["rows"]["oneOf"][0]["properties"]


def test_each_column_has_its_type_limits_and_unit(properties):
    assert properties["plan"] == {"type": ["string", "null"], "enum": ["a", "b", None]}
    assert properties["late"] == {"type": "integer", "minimum": 0, "maximum": 4, "description": "months"}


def test_a_yes_no_column_offers_the_values_of_json(properties):
    assert properties["paperless"] == {
        "type": ["boolean", "string", "null"],
        "enum": [False, True, "False", "True", None],
    }
    assert properties["active"] == {"type": ["boolean", "string"], "enum": [True, "True"]}


@pytest.mark.parametrize("name", list(FRAME))
def test_the_reader_takes_every_value_that_the_document_lists(properties, name):
    listed = properties[name].get("enum") or [properties[name]["minimum"], properties[name]["maximum"]]
    _, problems, _ = RowReader(SIGNATURE).read([GOOD | {name: value} for value in listed])
    assert problems == []


def test_a_row_without_names_lists_the_columns_in_order(paths, properties):
    body = paths["/invocations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    split = next(kind for kind in body["oneOf"] if "dataframe_split" in kind["properties"])
    cells = split["properties"]["dataframe_split"]["properties"]["data"]["items"]
    assert cells["prefixItems"] == [properties[name] for name in FRAME]
    assert cells["items"] is False and cells["minItems"] == len(FRAME.columns)
