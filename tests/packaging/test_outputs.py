"""What a bundle answers with: one probability, or classes with names."""

from types import SimpleNamespace

import numpy as np
import pytest

from mlhelpers.packaging import build_bundle, load_bundle
from mlhelpers.packaging.archive import BundleError
from mlhelpers.packaging.outputs import classes_of, most_probable, output_of, pick
from mlhelpers.packaging.versions import explain_version

NAMES = ["setosa", "versicolor", "virginica"]


def model_of(*classes):
    return SimpleNamespace(classes_=np.array(classes))


def test_two_classes_are_one_probability_unless_they_are_named():
    assert output_of(model_of(0, 1), None)["name"] == "probability"
    assert classes_of(output_of(model_of(0, 1), None)) is None
    assert classes_of(output_of(model_of(0, 1), ["stays", "leaves"])) == ("stays", "leaves")


def test_classes_that_are_text_name_themselves():
    assert classes_of(output_of(model_of("ash", "elm", "oak"), None)) == ("ash", "elm", "oak")


@pytest.mark.parametrize(
    ("classes", "names", "told"),
    [
        ((0, 1, 2), None, "3 classes, 0, 1, 2; name them in this order"),
        ((0, 1, 2), ["a", "b"], "2 names for the 3 classes"),
        ((0, 1, 2), ["a", "b", "a"], "'a' stands there twice"),
        ((0, 1, 2), ["a", "b", " "], "' ' is no name"),
        ((0, 1, 2), ["a", "b", 3], "3 is no name"),
        (("ash", "elm", "oak"), ["oak", "elm", "ash"], "the model's order is ash, elm, oak"),
    ],
)
def test_names_that_do_not_fit_are_refused(classes, names, told):
    with pytest.raises(BundleError, match=told):
        output_of(model_of(*classes), names)


def test_other_names_for_classes_of_text_are_taken_in_the_models_order():
    assert classes_of(output_of(model_of("a", "b", "c"), ["ash", "elm", "oak"])) == ("ash", "elm", "oak")


def test_pick_refuses_a_model_with_other_classes_than_its_signature():
    with pytest.raises(ValueError, match="answers with 2 classes"):
        pick(np.ones((1, 2)), output_of(model_of(0, 1, 2), NAMES))
    assert pick(np.array([[0.25, 0.75]]), output_of(model_of(0, 1), None)).tolist() == [0.75]


def test_of_equal_probabilities_the_first_class_is_named_on_every_machine():
    assert most_probable(np.array([[0.4, 0.4 + 1e-12, 0.2], [0.1, 0.2, 0.7]])).tolist() == [0, 2]


def test_bundle_names_the_class_of_each_row(flowers, class_parts):
    rows = class_parts["example"]
    assert flowers.classes == tuple(NAMES)
    assert flowers.predict_class(rows).tolist() == NAMES
    assert flowers.predict(rows).shape == (3, 3)
    np.testing.assert_allclose(flowers.predict(rows), class_parts["model"].predict_proba(rows), atol=1e-6)
    assert flowers.session is not None


def test_bundle_of_one_probability_has_no_class_to_name(built, customers):
    bundle = load_bundle(built)
    assert bundle.classes is None
    with pytest.raises(ValueError, match="compare `predict` with a threshold"):
        bundle.predict_class(customers[bundle.columns])


def test_bundle_of_three_classes_without_names_is_refused_and_nothing_is_written(class_parts, tmp_path):
    with pytest.raises(BundleError, match="3 classes, 0, 1, 2; name them"):
        build_bundle(tmp_path / "bundle", **class_parts | {"classes": None})
    assert list(tmp_path.iterdir()) == []


def test_other_classes_are_a_major_version(flowers, class_parts, tmp_path):
    swapped = class_parts | {"classes": ["setosa", "virginica", "versicolor"]}
    other = load_bundle(build_bundle(tmp_path / "bundle", **swapped))
    assert explain_version(flowers, other)[0] == (
        "major",
        "the classes are setosa, virginica, versicolor, were setosa, versicolor, virginica",
    )


def test_mlflow_reads_the_probability_of_each_class(flowers, class_parts, tmp_path):
    from mlhelpers.packaging.mlflow_model import write_mlflow_model
    from mlhelpers.training.tracking import quiet

    folder = build_bundle(tmp_path / "bundle", **class_parts)
    with quiet():
        import mlflow.pyfunc

        loaded = mlflow.pyfunc.load_model(str(write_mlflow_model(load_bundle(folder), tmp_path / "mlflow")))
    answers = loaded.predict(class_parts["example"])
    assert answers.columns.tolist() == NAMES
    assert answers.idxmax(axis=1).tolist() == NAMES
