"""What goes between a submission's process and the judge: data that stays as it is, and nothing else."""

import datetime
import decimal
import fractions
import io
import json
import sqlite3
import struct

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mlhelpers.course.exercises.wire import Reader, WireError, Writer, loaded_class, receive, send
from mlhelpers.data.contracts import ColumnRule

TODAY = pd.Timestamp("2025-05-31 10:00", tz="Europe/Berlin")


FRAME = pd.DataFrame(
    {
        "n": [1, 2],
        "x": [0.5, np.nan],
        "text": ["a", None],
        "day": pd.to_datetime(["2025-01-01", None]),
        "zone": pd.Series([TODAY, TODAY]),
        "kind": pd.Categorical(["b", "a"], categories=["b", "a"], ordered=True),
        "whole": pd.array([1, None], dtype="Int64"),
        "name": pd.array(["a", None], dtype="string"),
    },
    index=pd.Index(["r1", "r2"], name="row"),
)


def refuse(value, only_known=False):
    return None if only_known else {"t": "theirs", "id": 0, "type": type(value).__name__}


def carried(value):
    """`value` written, sent as bytes and read."""
    writer, stream = Writer(refuse), io.BytesIO()
    send(stream, "value", writer.node(value), writer.blobs)
    stream.seek(0)
    head, blobs = receive(stream)
    return Reader(blobs, lambda node: node["type"]).value(head["node"])


def read(node, *blobs):
    return Reader(list(blobs), lambda node: None).value(node)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        2**80,
        0.1,
        float("inf"),
        "ä\n",
        b"\x00",
        1 + 2j,
        ...,
        range(1, 9, 2),
        [1, (2, {"a": {3}}), frozenset({4})],
        {(1, None): [1.5], 2: "b"},
        datetime.date(2025, 1, 2),
        datetime.datetime(2025, 1, 2, 3, tzinfo=datetime.UTC),
        datetime.timedelta(days=1, seconds=2),
        decimal.Decimal("1.10"),
        fractions.Fraction(1, 3),
        np.float32(0.1),
        np.int64(3),
        np.str_("a"),
        np.bool_(True),
        TODAY,
        pd.Timedelta("1h"),
        pd.Interval(0, 1),
        pd.Period("2025-01", "M"),
    ],
    ids=repr,
)
def test_value_and_type_stay(value):
    got = carried(value)
    assert type(got) is type(value)
    assert got == value


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3),
        np.array(["a", "bc"]),
        np.array([1, "x", None], dtype=object),
        np.array([], dtype="datetime64[s]"),
    ],
    ids=repr,
)
def test_arrays_stay(value):
    got = carried(value)
    assert got.dtype == value.dtype
    assert got.shape == value.shape
    assert got.tolist() == value.tolist()


@pytest.mark.parametrize(
    "value",
    [
        FRAME,
        FRAME.iloc[:0],
        pd.DataFrame(),
        FRAME.set_axis(["a"] * FRAME.shape[1], axis=1),
        FRAME.set_index(["n", "kind"]),
        FRAME[["x"]].reset_index(drop=True),
    ],
    ids=range(6),
)
def test_frames_stay(value):
    pd.testing.assert_frame_equal(carried(value), value)


def test_series_and_index_stay():
    pd.testing.assert_series_equal(carried(FRAME["zone"]), FRAME["zone"])
    days = pd.date_range("2025-01-01", periods=3, name="day")
    pd.testing.assert_index_equal(carried(days), days)
    assert carried(days).freq == days.freq


def test_generator_goes_on_where_it_was():
    rng = np.random.default_rng(3)
    rng.random(5)
    assert carried(rng).random() == np.random.Generator(rng.bit_generator).random()


def test_models_and_records_are_rebuilt():
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit([[0], [1], [2]], [0, 0, 1])
    assert carried(model).predict([[0], [5]]).tolist() == model.predict([[0], [5]]).tolist()
    rule = ColumnRule("number", minimum=0.0)
    assert carried(rule) == rule
    assert carried(pd.DataFrame) is pd.DataFrame


def test_database_is_copied():
    store = sqlite3.connect(":memory:")
    store.execute("CREATE TABLE t (a)")
    store.execute("INSERT INTO t VALUES (1)")
    store.commit()
    assert carried(store).execute("SELECT a FROM t").fetchall() == [(1,)]


def test_functions_and_own_objects_stay_where_they_are():
    class Own:
        pass

    assert carried(print) == "builtin_function_or_method"
    assert carried([Own()]) == ["Own"]
    assert carried(make_pipeline(FunctionTransformer(lambda x: x))) == "Pipeline"


def test_subclasses_lose_what_they_say_about_comparisons():
    class Number(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    class Words(list):
        def __contains__(self, value):
            return True

    assert carried(Number(1)) != 2
    assert "a" not in carried(Words(["b"]))


@pytest.mark.parametrize(
    "node",
    [
        {"t": "class", "module": "os", "name": "system"},
        {"t": "class", "module": "numpy", "name": "load"},
        {"t": "record", "module": "mlhelpers.data.contracts", "name": "nothing", "v": []},
        {"t": "record", "module": "builtins", "name": "dict", "v": []},
        {"t": "rng", "name": "os", "v": {}},
        {"t": "dict", "kind": "defaultdict", "v": []},
        {"t": "_npy", "v": 0},
        {"t": "value", "v": 0},
        {"t": "array", "v": 7},
        {"t": "DataFrame"},
        {"v": 1},
        [1],
    ],
    ids=str,
)
def test_forged_node_is_refused(node):
    with pytest.raises(WireError):
        read(node)


def test_pickled_array_and_endless_nesting_are_refused():
    stream = io.BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(WireError):
        read({"t": "array", "v": 0}, stream.getvalue())
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(huge, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with pytest.raises(WireError):
        read({"t": "array", "v": 0}, huge.getvalue())
    node = 1
    for _ in range(400):
        node = {"t": "list", "v": [node]}
    with pytest.raises(WireError, match="too deeply"):
        read(node)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!Q", 1 << 60),
        struct.pack("!Q", 2) + b"[]",
        struct.pack("!Q", 2) + b"\xff\xff",
        b"short",
        b"",
        *(
            struct.pack("!Q", len(head)) + head
            for head in (
                json.dumps({"kind": "value", "sizes": sizes}).encode() for sizes in ([-1], [1 << 60])
            )
        ),
    ],
)
def test_forged_message_is_refused(data):
    with pytest.raises((WireError, EOFError)):
        receive(io.BytesIO(data))


def test_only_loaded_classes_of_known_packages():
    assert loaded_class("sklearn.pipeline", "Pipeline").__name__ == "Pipeline"
    for module, name in (("subprocess", "Popen"), ("sklearn.nothing", "X"), ("numpy", "nothing")):
        with pytest.raises(WireError):
            loaded_class(module, name)
