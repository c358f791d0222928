import pandas as pd

from features import SETTINGS, split_columns

ROW = dict.fromkeys([*SETTINGS["features"], "customer_id", "churned"], 1)


def test_label_and_identity_are_no_features():
    X, y = split_columns(pd.DataFrame([ROW]))
    assert list(X) == SETTINGS["features"] and y.name == "churned"
    assert not {"customer_id", "churned"} & set(X)


def test_order_of_the_columns_in_the_file_does_not_matter():
    frame = pd.DataFrame([ROW])
    assert split_columns(frame[frame.columns[::-1]])[0].equals(split_columns(frame)[0])


def test_a_gap_stays_a_gap():
    frame = pd.DataFrame([ROW | {"age": None}, ROW])
    assert split_columns(frame)[0]["age"].isna().tolist() == [True, False]
