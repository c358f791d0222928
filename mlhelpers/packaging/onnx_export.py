"""A scikit-learn model as an ONNX graph on coded rows, with its thresholds kept to the last digit.

Taught in lesson 6.1 (serialization formats); bundles hold the graph beside the skops file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.training.models import plain_frame

if TYPE_CHECKING:
    import onnx
    import onnxruntime

INPUT = "codes"
OUTPUT = "probabilities"
_OPSETS = {"": 18, "ai.onnx.ml": 3}  # what ONNX Runtime 1.16 and later read


class NotConvertible(ValueError):
    """A model has no ONNX form here; the message says why."""


def to_onnx(model: Any, signature: Sequence[Mapping[str, Any]]) -> bytes:
    """Convert a fitted classifier to an ONNX graph on the codes of `RowReader`.

    Taught in lesson 6.1. A logistic regression becomes a sum of one term for each column, other models go
    through skl2onnx. The graph has one input, ``codes``, a float64 tensor of shape (n_rows, n_columns), and
    the output ``probabilities`` of shape (n_rows, n_classes). skl2onnx rounds the thresholds of trees to
    float32, which sends a value next to a threshold down the other branch; they are put back as float64.

    Parameters
    ----------
    model : fitted estimator with predict_proba
        A pipeline's leading `plain_frame` step and its encoders of categories are what coding replaces; the
        rest must be known to skl2onnx.
    signature : sequence of mapping
        From `infer_signature`; its columns in the order of the codes.

    Returns
    -------
    bytes
        ONNX model; the same model gives the same bytes.

    Raises
    ------
    NotConvertible
        If a step has no ONNX form or the encoders' categories are not the signature's.
    """
    graph = _linear(model, signature)
    if graph is None:
        graph = _converted(model, signature)
    graph.producer_version = ""  # the same model gives the same bytes under another release of the converter
    content = graph.SerializeToString(deterministic=True)
    try:
        onnx_session(content)
    except ValueError as error:
        raise NotConvertible(f"{_name(model)}: {error}") from error
    return content


def onnx_session(content: bytes) -> onnxruntime.InferenceSession:
    """Session of a graph on one thread, which single rows are fastest on.

    Taught in lesson 6.1.

    Parameters
    ----------
    content : bytes
        From `to_onnx`.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    ValueError
        If it is no ONNX model with the input ``codes`` and the output ``probabilities``.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"not an ONNX model that this runtime reads: {error}") from error
    inputs, outputs = [i.name for i in session.get_inputs()], [o.name for o in session.get_outputs()]
    if inputs != [INPUT] or OUTPUT not in outputs:
        raise ValueError(f"the graph maps {inputs} to {outputs}, not {INPUT} to {OUTPUT}")
    return session


def _linear(model: Any, signature: Sequence[Mapping[str, Any]]) -> onnx.ModelProto | None:
    """Graph of a logistic regression of two classes behind column-wise steps; None for any other model."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    from mlhelpers.packaging.onnx_linear import NotAdditive, linear_graph
    from mlhelpers.packaging.probes import probe_rows

    if not isinstance(model, Pipeline) or not isinstance(model.steps[-1][1], LogisticRegression):
        return None
    if len(model.classes_) > 2:
        return None
    try:
        return linear_graph(model, signature, probe_rows(signature, 500))
    except NotAdditive as error:
        raise NotConvertible(f"{_name(model)}: {error}") from error


def _converted(model: Any, signature: Sequence[Mapping[str, Any]]) -> onnx.ModelProto:
    """Graph by skl2onnx."""
    steps, estimator = _on_codes(model, signature)
    try:
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import DoubleTensorType
        from sklearn.pipeline import Pipeline

        graph = convert_sklearn(
            Pipeline([*steps, ("model", estimator)]) if steps else estimator,
            name="model",
            initial_types=[(INPUT, DoubleTensorType([None, len(signature)]))],
            options={id(estimator): {"zipmap": False}},
            target_opset=_OPSETS,
        )
    except Exception as error:  # converters raise many kinds; none of them is ours to handle
        raise NotConvertible(f"{type(estimator).__name__}: {type(error).__name__}: {error}") from error
    _exact_trees(graph, estimator)
    return graph


def _name(model: Any) -> str:
    return type(model.steps[-1][1] if hasattr(model, "steps") else model).__name__


def _on_codes(model: Any, signature: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[str, Any]], Any]:
    """Steps and final estimator that do on codes what the model does on a frame."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    steps = list(model.steps) if isinstance(model, Pipeline) else [("model", model)]
    if getattr(steps[0][1], "func", None) is plain_frame:
        steps = steps[1:]
    names = [column["name"] for column in signature]
    if len(steps) > 1 and isinstance(steps[0][1], ColumnTransformer):
        encoded = _encoder_on_codes(steps[0][1], signature, names)
        steps = [*([("encode", encoded)] if encoded is not None else []), *steps[1:]]
    elif any(column["type"] == "category" for column in signature):
        raise NotConvertible("categories that no ColumnTransformer encodes")
    return steps[:-1], steps[-1][1]


def _encoder_on_codes(encode: Any, signature: Sequence[Mapping[str, Any]], names: list[str]) -> Any:
    """Column transformer on codes; None if it would change nothing."""
    from sklearn.compose import ColumnTransformer

    columns = {column["name"]: column for column in signature}
    parts, order, unchanged = [], [], True
    for name, step, chosen in encode.transformers_:
        if step == "drop" or len(chosen) == 0:
            continue
        unknown = [str(column) for column in chosen if column not in columns]
        if unknown:
            raise NotConvertible(f"{name}: columns that are not in the signature: {', '.join(unknown)}")
        at = [names.index(column) for column in chosen]
        plain = _step_on_codes(step, [columns[column] for column in chosen])
        unchanged &= plain == "passthrough"
        order += at
        parts.append((name, plain, at))
    if unchanged and order == list(range(len(names))):
        return None
    rebuilt = ColumnTransformer(parts, verbose_feature_names_out=False)
    with_rows = np.zeros((2, len(names)))
    # fitted attributes are set by hand: every step is fitted already
    rebuilt.transformers_ = parts
    rebuilt._name_to_fitted_passthrough = {}
    rebuilt.n_features_in_, rebuilt.sparse_output_ = with_rows.shape[1], False
    rebuilt._remainder = ("remainder", "drop", [])
    return rebuilt


def _step_on_codes(step: Any, columns: list[Mapping[str, Any]]) -> Any:
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

    if isinstance(step, str) or (isinstance(step, FunctionTransformer) and step.func is None):
        return "passthrough"
    if isinstance(step, OrdinalEncoder):
        for known, column in zip(step.categories_, columns, strict=True):
            if [value for value in known if not pd.isna(value)] != column["categories"]:
                raise NotConvertible(
                    f"the encoder's categories of {column['name']!r} are not the signature's"
                )
        if not (np.isnan(step.encoded_missing_value) and np.isnan(step.unknown_value or 0)):
            raise NotConvertible("an OrdinalEncoder that gives missing or unseen categories a number")
        return "passthrough"  # position among the sorted categories, NaN where missing: what a code is
    if isinstance(step, OneHotEncoder):
        raise NotConvertible("a OneHotEncoder of categories with gaps")
    if any(column["type"] == "category" for column in columns):
        raise NotConvertible(f"{type(step).__name__} of categories")
    return step


def _exact_trees(graph: onnx.ModelProto, estimator: Any) -> None:
    """Put the thresholds of trees back to float64, and give the output the type that the trees have."""
    from onnx import TensorProto, helper

    for node in graph.graph.node:
        if node.op_type != "TreeEnsembleClassifier":
            continue
        values = {attribute.name: attribute for attribute in node.attribute}
        exact = _thresholds(estimator)
        if exact is None:
            raise NotConvertible(
                f"{type(estimator).__name__}: its thresholds cannot be kept to the last digit"
            )
        places = zip(values["nodes_treeids"].ints, values["nodes_nodeids"].ints, strict=True)
        thresholds = np.array([exact[tree][number] for tree, number in places])
        rounded = np.array(values["nodes_values"].floats, dtype=np.float32)
        if not np.array_equal(thresholds.astype(np.float32), rounded):
            raise NotConvertible("the converter's order of nodes is not the model's")
        for name, numbers in {
            "nodes_values": thresholds,
            "nodes_hitrates": np.array(values["nodes_hitrates"].floats, dtype=np.float64),
            "class_weights": np.array(values["class_weights"].floats, dtype=np.float64),
            "base_values": np.array(values["base_values"].floats, dtype=np.float64),
        }.items():
            node.attribute.remove(values[name])
            tensor = helper.make_tensor(name, TensorProto.DOUBLE, [len(numbers)], numbers.tolist())
            node.attribute.append(helper.make_attribute(f"{name}_as_tensor", tensor))
        for opset in graph.opset_import:  # the converter declares the oldest version that its own nodes need
            opset.version = max(opset.version, _OPSETS[opset.domain])
        for output in graph.graph.output:
            if output.name == OUTPUT and OUTPUT in node.output:
                output.type.tensor_type.elem_type = TensorProto.FLOAT


def _thresholds(estimator: Any) -> list[np.ndarray] | None:
    """Threshold of each node of each tree, 0 at a leaf; None for a model whose trees are not known here."""
    predictors = getattr(estimator, "_predictors", None)
    if predictors is None:
        return None
    trees = [tree.nodes for stage in predictors for tree in stage]
    if any(tree["is_categorical"].any() for tree in trees):
        return None
    return [np.where(tree["is_leaf"], 0.0, tree["num_threshold"]) for tree in trees]
