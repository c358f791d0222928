"""A frame in which two columns have one name is refused by that name wherever it comes in."""

import pandas as pd
import pytest

from mlhelpers.packaging import BundleError, RowReader, build_bundle, infer_signature, validate_rows
from mlhelpers.packaging.mlflow_model import BundleModel
from mlhelpers.training.models import make_logistic, plain_frame

TWO = pd.DataFrame([[1.0, 2.0, 3.0]] * 4, columns=["twin", "twin", "n"])
SIGNATURE = infer_signature(pd.DataFrame({"n": [1.0, 3.0]}))
BUNDLE = {"metrics": {}, "model_card": "", "data_hash": "", "name": "m"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: infer_signature(TWO),
        lambda: validate_rows(SIGNATURE, TWO),
        lambda: RowReader(SIGNATURE).code_frame(TWO),
        lambda: plain_frame(TWO, numeric=["n"], categorical=[]),
        lambda: BundleModel(None).predict(TWO),
    ],
)
def test_doubled_columns_are_refused_by_name(call):
    with pytest.raises(ValueError, match="column 'twin' stands there twice"):
        call()


def test_doubled_columns_of_an_example_are_refused_by_name(tmp_path):
    with pytest.raises(BundleError, match="example: column 'twin' stands there twice"):
        build_bundle(tmp_path / "b", model=None, signature=SIGNATURE, example=TWO, **BUNDLE)


def test_a_signature_or_a_model_that_names_a_column_twice_is_refused():
    with pytest.raises(ValueError, match="the signature names column 'n' twice"):
        RowReader([*SIGNATURE, *SIGNATURE])
    with pytest.raises(ValueError, match="column 'n' is named twice"):
        make_logistic(["n", "n"], [])
