"""The columns that the model gets, and no other."""

from pathlib import Path

import pandas as pd
import yaml

SETTINGS = yaml.safe_load(Path(__file__).with_name("settings.yml").read_text(encoding="utf-8"))


def split_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Features as floats, and the label."""
    return frame[SETTINGS["features"]].astype(float), frame[SETTINGS["target"]]
