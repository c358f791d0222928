"""Payments of lesson 3.4 and its features: the stored table and other draws of its generator."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from mlhelpers.data import load
from mlhelpers.data.synthetic.registry import generate

DRAWS = [*range(12), *range(21, 29)]
AMOUNTS = ["amount", "amount_ratio", "distance_km", "seconds_since_last", "tx_24h", "device_age_days"]
AMOUNTS += ["card_age_days"]
WORDS = ["merchant_category", "country", "channel"]


def clock(hours):
    angle = 2 * np.pi * hours / 24
    return np.c_[np.sin(angle), np.cos(angle)]


def prepare():
    """The lesson's features."""
    logs = make_pipeline(FunctionTransformer(lambda c: np.log1p(c.fillna(90 * 86_400))), StandardScaler())
    one_hot = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    return make_column_transformer((logs, AMOUNTS), (FunctionTransformer(clock), ["hour"]), (one_hot, WORDS))


def payments(draw: int) -> pd.DataFrame:
    """Draw 0 is the stored table; draw n is the generator with seed n."""
    return load("fraud") if draw == 0 else generate("fraud", seed=draw).frames["fraud"]
