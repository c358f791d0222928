import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from mlhelpers.packaging import NotConvertible, RowReader, infer_signature, onnx_session, probe_rows, to_onnx
from mlhelpers.training import fit, make_logistic

COLUMNS = ["charge", "late", "contract", "region"]


@pytest.fixture(scope="module")
def signature(customers):
    return infer_signature(customers[COLUMNS])


def probabilities(graph, codes):
    return onnx_session(graph).run(["probabilities"], {"codes": codes})[0][:, 1]


def refused(model, signature, message):
    with pytest.raises(NotConvertible, match=message):
        to_onnx(model, signature)


def test_logistic_regression_is_a_sum_of_terms(customers, signature):
    model = fit(make_logistic(COLUMNS[:2], COLUMNS[2:]), customers, customers["churned"])
    codes = probe_rows(signature)
    expected = model.predict_proba(RowReader(signature).decode(codes))[:, 1]
    graph = to_onnx(model, signature)
    np.testing.assert_allclose(probabilities(graph, codes), expected, rtol=0, atol=1e-9)
    assert graph == to_onnx(model, signature)


def test_logistic_regression_with_an_interaction_is_no_sum(customers):
    frame = customers[["late"]].assign(twice=customers["late"] ** 2.0)
    model = make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression())
    model.fit(frame, customers["churned"])
    refused(model, infer_signature(frame), "off a sum of one term for each column")


def test_logistic_regression_of_three_classes_goes_through_the_converter(customers):
    rows, classes = customers[["late"]], customers["late"].clip(upper=2)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, classes)
    session = onnx_session(to_onnx(model, infer_signature(rows)))
    codes = rows.to_numpy(dtype=np.float64)
    answers = session.run(["probabilities"], {"codes": codes})[0]
    np.testing.assert_allclose(answers, model.predict_proba(rows), rtol=0, atol=1e-6)
