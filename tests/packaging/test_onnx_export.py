import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mlhelpers.packaging import NotConvertible, RowReader, infer_signature, onnx_session, probe_rows, to_onnx

COLUMNS = ["charge", "late", "contract", "region"]


@pytest.fixture(scope="module")
def signature(customers):
    return infer_signature(customers[COLUMNS])


def probabilities(graph, codes):
    return onnx_session(graph).run(["probabilities"], {"codes": codes})[0][:, 1]


def test_graph_answers_like_the_model_all_over_the_signature(model, signature):
    codes = probe_rows(signature)
    expected = model.predict_proba(RowReader(signature).decode(codes))[:, 1]
    np.testing.assert_allclose(probabilities(to_onnx(model, signature), codes), expected, rtol=0, atol=1e-6)


def test_value_next_to_a_threshold_takes_the_models_branch(model, signature, customers):
    boosting = model["model"]
    nodes = [tree.nodes for stage in boosting._predictors for tree in stage]
    splits = np.concatenate([tree[tree["is_leaf"] == 0]["num_threshold"] for tree in nodes])
    near = np.unique(np.concatenate([splits, np.nextafter(splits, np.inf), np.nextafter(splits, -np.inf)]))
    rows = np.repeat(RowReader(signature).code_frame(customers.head(5)), len(near), axis=0)
    graph = to_onnx(model, signature)
    for column in (0, 1):
        tried = rows.copy()
        tried[:, column] = np.tile(near, 5)
        expected = boosting.predict_proba(tried)[:, 1]
        np.testing.assert_allclose(probabilities(graph, tried), expected, rtol=0, atol=1e-6)


def test_converted_twice_it_is_the_same_bytes(model, signature):
    assert to_onnx(model, signature) == to_onnx(model, signature)


def test_columns_may_stand_in_another_order_than_the_models(model, customers):
    turned = infer_signature(customers[COLUMNS[::-1]])
    codes = probe_rows(turned, 300)
    expected = model.predict_proba(RowReader(turned).decode(codes))[:, 1]
    np.testing.assert_allclose(probabilities(to_onnx(model, turned), codes), expected, rtol=0, atol=1e-6)


def test_numeric_model_without_an_encoder_converts(customers):
    X = customers[["late"]].assign(twice=2.0 * customers["late"]).to_numpy(dtype=float)
    frame = pd.DataFrame(X, columns=["late", "twice"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, customers["churned"])
    graph = to_onnx(model, infer_signature(frame))
    np.testing.assert_allclose(probabilities(graph, X), model.predict_proba(frame)[:, 1], rtol=0, atol=1e-6)


def refused(model, signature, message):
    with pytest.raises(NotConvertible, match=message):
        to_onnx(model, signature)


def test_model_without_a_graph_says_why(customers, signature):
    labels = customers["churned"]
    encode = ColumnTransformer([("one", OneHotEncoder(), COLUMNS[2:])], remainder="passthrough")
    known = customers.dropna()
    hot = make_pipeline(encode, HistGradientBoostingClassifier(max_iter=2)).fit(
        known[COLUMNS], known["churned"]
    )
    refused(hot, infer_signature(known[COLUMNS]), "OneHotEncoder")
    late = customers[["late"]].to_numpy(dtype=float)
    forest = RandomForestClassifier(3, random_state=0).fit(late, labels)
    refused(forest, infer_signature(customers[["late"]]), "RandomForestClassifier: its thresholds")
    refused(forest, signature, "categories that no ColumnTransformer encodes")

    class Strange(LogisticRegression):
        pass

    refused(Strange().fit(late, labels), infer_signature(customers[["late"]]), "Strange")


def test_encoder_with_other_categories_or_codes_has_no_graph(customers, signature):
    def pipeline(**options):
        encode = ColumnTransformer([("category", OrdinalEncoder(**options), ["contract"])])
        boosting = HistGradientBoostingClassifier(max_iter=2, random_state=0)
        return make_pipeline(encode, boosting).fit(known, known["churned"])

    known = customers.dropna(subset=["contract"])
    fewer = infer_signature(known[known["contract"] != "monthly"][["contract"]])
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}
    refused(pipeline(**unknown), fewer, "categories of 'contract' are not the signature's")
    whole = infer_signature(known[["contract"]])
    refused(pipeline(**unknown | {"unknown_value": -1}), whole, "gives missing or unseen categories a number")
    refused(pipeline(**unknown), infer_signature(known[["region"]]), "not in the signature: contract")


def test_what_is_no_graph_of_ours_is_refused(model, signature):
    with pytest.raises(ValueError, match="not an ONNX model"):
        onnx_session(b"nothing")
    other = to_onnx(model, signature).replace(b"codes", b"kodes")
    with pytest.raises(ValueError, match=r"maps \['kodes'\]"):
        onnx_session(other)
