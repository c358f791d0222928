import pandas as pd
import pytest

from mlhelpers.validation.splits import connected_groups, leakage_scan


def test_doubled_column_names_are_refused_by_name():
    frame = pd.DataFrame([[1, 2, 0], [3, 4, 1]], columns=["twin", "twin", "y"])
    with pytest.raises(ValueError, match="train: column 'twin' stands there twice"):
        leakage_scan(frame, frame, target="y")
    with pytest.raises(ValueError, match="twin"):
        connected_groups(frame, ["twin"])
