from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from mlhelpers.training import data_hash
from mlhelpers.training.hashing import model_hash


def test_same_contents_give_the_same_hash(customers):
    assert data_hash(customers) == data_hash(customers.copy())
    assert len(data_hash(customers)) == 64


def test_index_does_not_count(customers):
    assert data_hash(customers) == data_hash(customers.set_axis(range(5, 405)))


def test_every_change_counts(customers):
    changed = [
        customers[customers.columns[::-1]],
        customers.astype({"late": float}),
        customers.rename(columns={"late": "delay"}),
        customers.iloc[::-1],
        customers.iloc[:-1],
        customers.assign(late=customers["late"] + 1),
        customers.assign(region=customers["region"].replace("north", "south")),
    ]
    hashes = {data_hash(frame) for frame in [customers, *changed]}
    assert len(hashes) == len(changed) + 1


def test_text_and_number_of_the_same_look_differ():
    assert data_hash(pd.DataFrame({"a": ["1", "2"]})) != data_hash(pd.DataFrame({"a": [1, "2"]}))


def test_every_nan_is_the_same():
    odd = np.array([0x7FF8000000000001], dtype=np.uint64).view(float)
    assert data_hash(pd.DataFrame({"a": odd})) == data_hash(pd.DataFrame({"a": [np.nan]}))


def test_hash_of_this_frame_never_changes():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": ["x", None]})
    assert data_hash(frame) == "2ce9ca4e9327beb9add77dc2f0218f98ba5add8e2912e39888676ba95f43b84d"


@given(st.lists(st.text(), min_size=1), st.integers(0, 10**6))
def test_changing_any_text_changes_the_hash(texts, where):
    other = list(texts)
    other[where % len(texts)] += "!"
    assert data_hash(pd.DataFrame({"a": texts})) != data_hash(pd.DataFrame({"a": other}))


def test_dates_and_categories_are_hashed():
    frame = pd.DataFrame({"day": pd.to_datetime(["2025-01-01"]), "kind": pd.Categorical(["x"])})
    assert data_hash(frame) != data_hash(frame.assign(day=frame["day"] + pd.Timedelta(days=1)))
    assert data_hash(frame) != data_hash(frame.astype({"kind": object}))


def test_file_and_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.txt").write_bytes(b"abc")
    assert data_hash(tmp_path / "sub/a.txt") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    before = data_hash(str(tmp_path))
    (tmp_path / "sub/a.txt").rename(tmp_path / "sub/b.txt")
    assert data_hash(tmp_path) != before


def test_nothing_to_hash_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        data_hash(tmp_path / "absent")
    with pytest.raises(TypeError, match="list"):
        data_hash([1, 2])


def forest(customers, seed):
    X = customers[["late"]]
    return RandomForestClassifier(3, random_state=seed).fit(X, customers["churned"])


def test_model_hash_tells_models_apart(customers):
    assert model_hash(forest(customers, 0)) == model_hash(forest(customers, 0))
    assert model_hash(forest(customers, 0)) != model_hash(forest(customers, 1))


def test_one_bit_of_one_number_changes_the_model_hash(customers):
    one, two = forest(customers, 0), forest(customers, 0)
    values = two.estimators_[1].tree_.value
    values[0, 0, 0] = np.nextafter(values[0, 0, 0], 2)
    assert model_hash(one) != model_hash(two)


def test_place_in_memory_and_order_of_keys_do_not_count():
    one = {"a": np.array([1.0, 2.0]), "b": ["x", "x"], "c": {3, 1, 2}}
    two = {"c": {2, 3, 1}, "b": ["x", "".join(["x"])], "a": np.array([0.0, 1.0, 2.0])[1:]}
    assert model_hash(one) == model_hash(two)


def test_values_that_look_alike_have_other_hashes():
    alike = [
        1, 1.0, True, "1", b"1", None, np.float32(1), np.int8(1), [1], (1,), {1}, {1: 1}, [[1]], [1, 1],
        np.array([1]), np.array([[1]]), np.array([1], object), np.array([1], np.int8),
        np.array([(1,)], [("a", int)]), np.dtype("int8"), int, len, partial(len), range(1),
        np.random.default_rng(1), np.random.RandomState(1),
    ]  # fmt: skip
    assert len({model_hash(value) for value in alike}) == len(alike)


def test_gaps_between_fields_do_not_count():
    kind = np.dtype({"names": ["a", "b"], "formats": ["u1", "f8"], "offsets": [0, 8], "itemsize": 16})
    one = np.frombuffer(b"\0" * 16, kind)
    two = np.frombuffer(b"\0" + b"\7" * 7 + b"\0" * 8, kind)
    assert model_hash(one) == model_hash(two)


def test_object_that_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="a list contains itself"):
        model_hash(loop)


def test_object_that_names_itself_is_hashed_by_its_name():
    assert model_hash(Ellipsis) != model_hash(NotImplemented)
