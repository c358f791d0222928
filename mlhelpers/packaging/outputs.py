"""What a model of a bundle answers with: one probability a row, or a class and the probability of each.

Taught in lessons 6.2 (packaging) and 6.5 (worked example).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlhelpers.packaging.archive import BundleError

PROBABILITY = {
    "name": "probability",
    "type": "number",
    "min": 0.0,
    "max": 1.0,
    "description": "probability of the positive class",
}


def output_of(model: Any, classes: Sequence[str] | None) -> dict[str, Any]:
    """Describe the answer of a model for ``signature.json``.

    Taught in lesson 6.5. A model of two classes answers with the probability of the second, as long as no
    names are given. A model of more answers with the name of the most probable class and the probability of
    each; classes that are numbers need names, since nobody can read an index.

    Parameters
    ----------
    model : fitted classifier
        With ``classes_``.
    classes : sequence of str, optional
        A name for each of ``model.classes_``, in that order.

    Returns
    -------
    dict
        name, type, description; min and max of a probability, categories of a class.

    Raises
    ------
    BundleError
        If there are more than two classes without names, or the names are not one for each class.
    """
    known = [value.item() if isinstance(value, np.generic) else value for value in model.classes_]
    if classes is None:
        if len(known) == 2:
            return dict(PROBABILITY)
        if not all(isinstance(value, str) for value in known):
            listed = ", ".join(map(str, known))
            raise BundleError(
                f"the model answers with {len(known)} classes, {listed}; "
                "name them in this order: classes=[...] (--classes on the command line)"
            )
        classes = known
    names = list(classes)
    wrong = [name for name in names if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise BundleError(f"classes: {wrong[0]!r} is no name")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BundleError(f"classes: {twice!r} stands there twice")
    if len(names) != len(known):
        raise BundleError(f"classes: {len(names)} names for the {len(known)} classes of the model")
    if all(isinstance(value, str) for value in known) and sorted(names) == sorted(known) and names != known:
        raise BundleError(
            f"classes: the model's order is {', '.join(known)}, and the names are {', '.join(names)}"
        )
    return {
        "name": "class",
        "type": "category",
        "categories": names,
        "description": "most probable class, and the probability of each",
    }


def classes_of(output: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Names of the classes of an output; None if it is one probability."""
    return tuple(output["categories"]) if output["type"] == "category" else None


def pick(probabilities: np.ndarray, output: Mapping[str, Any]) -> np.ndarray:
    """Of the probabilities of all classes, shape (n_rows, n_classes), those that the output names.

    Shape (n_rows,) for the positive class, else (n_rows, n_classes); float64.
    """
    classes = classes_of(output)
    found = np.asarray(probabilities, dtype=np.float64)
    if found.shape[1] != (2 if classes is None else len(classes)):
        raise ValueError(f"the model answers with {found.shape[1]} classes, not those of its signature")
    return found[:, 1] if classes is None else found


def most_probable(probabilities: np.ndarray) -> np.ndarray:
    """Position of the most probable class of each row, shape (n_rows,); of equal ones the first.

    Equal to the ninth digit, as the service rounds its answers, so that no machine decides otherwise.
    """
    return np.round(probabilities, 9).argmax(axis=1)
