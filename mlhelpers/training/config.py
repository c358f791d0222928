"""The settings of a training run in one YAML file that is checked before anything is trained.

Taught in lesson 4.2 (reproducible training).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Count = Annotated[int, Field(ge=1, strict=True)]
Name = Annotated[str, Field(min_length=1)]


class ConfigError(ValueError):
    """Settings that cannot be used; the message names file, key, value and what to do.

    Taught in lesson 4.2.
    """


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BoostingSettings(_Settings):
    """Settings of `mlhelpers.training.make_boosting`."""

    type: Literal["boosting"]
    max_depth: Annotated[int, Field(ge=1, le=16, strict=True)] = 4
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.08
    max_iter: Annotated[int, Field(ge=1, le=5000, strict=True)] = 150
    min_samples_leaf: Count = 20


class ForestSettings(_Settings):
    """Settings of a random forest on the same columns."""

    type: Literal["forest"]
    n_estimators: Annotated[int, Field(ge=1, le=5000, strict=True)] = 100
    max_depth: Annotated[int, Field(ge=1, le=64, strict=True)] = 8
    min_samples_leaf: Count = 1


class LogisticSettings(_Settings):
    """Settings of `mlhelpers.training.make_logistic`."""

    type: Literal["logistic"]
    C: Annotated[float, Field(gt=0)] = 1.0


class DataSettings(_Settings):
    """Which table of which data set, as in `mlhelpers.data.load`."""

    name: Name
    table: Name | None = None


class FeatureSettings(_Settings):
    """Columns that the model sees and the one that it predicts."""

    numeric: tuple[Name, ...] = ()
    categorical: tuple[Name, ...] = ()
    target: Name

    @model_validator(mode="after")
    def _disjoint(self) -> FeatureSettings:
        names = [*self.numeric, *self.categorical]
        if not names:
            raise ValueError("name at least one column in numeric or categorical")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"columns named twice: {', '.join(twice)}")
        if self.target in names:
            raise ValueError(f"the target {self.target} is among the features; take it out")
        return self


class SplitSettings(_Settings):
    """Share of the rows that is held out for the metrics."""

    test_size: Annotated[float, Field(gt=0, lt=1)] = 0.25
    stratify: bool = True


class TrainingConfig(_Settings):
    """All settings of a training run: frozen, complete, and without keys that nobody reads.

    Taught in lesson 4.2. Make it by `load_config` or `parse_config`, which explain what is wrong.

    Attributes
    ----------
    data : DataSettings
    features : FeatureSettings
    model : BoostingSettings, ForestSettings or LogisticSettings
        Chosen by ``type``; each accepts its own settings only.
    split : SplitSettings
    seed : int
        Seed of the split and of the model; there is no default, so that it is always written down.
    """

    data: DataSettings
    features: FeatureSettings
    model: Annotated[BoostingSettings | ForestSettings | LogisticSettings, Field(discriminator="type")]
    split: SplitSettings = SplitSettings()
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)]

    def as_dict(self) -> dict[str, Any]:
        """Settings as plain values, defaults included."""
        return self.model_dump(mode="json")

    def flat(self) -> dict[str, Any]:
        """One entry for each setting, with dotted names, as a tracking store wants them."""
        return {
            f"{part}.{name}" if isinstance(values, dict) else part: inner
            for part, values in self.as_dict().items()
            for name, inner in (values.items() if isinstance(values, dict) else [(part, values)])
        }

    def to_yaml(self) -> str:
        """YAML text; `parse_config` makes an equal config of it."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the settings: the same for two files that mean the same."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()


class _OnceLoader(yaml.SafeLoader):
    """Safe loader that refuses a key given twice, where YAML takes the last without a word."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for i, key in enumerate(keys) if key in keys[:i]]
        if twice:
            line = node.start_mark.line + 1
            raise ConfigError(f"{twice[0]}: given twice in the block at line {line}; keep one")
        return super().construct_mapping(node, deep)


def load_config(path: str | Path) -> TrainingConfig:
    """Read and check a YAML file of settings.

    Taught in lesson 4.2.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    TrainingConfig

    Raises
    ------
    ConfigError
        If the file is no YAML or its settings cannot be used. All faults are named at once.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    return parse_config(path.read_text(encoding="utf-8"), source=path.name)


def parse_config(settings: str | Mapping[str, Any], *, source: str = "settings") -> TrainingConfig:
    """Check settings that are given as YAML text or as a mapping.

    Taught in lesson 4.2.

    Parameters
    ----------
    settings : str or mapping
        YAML text, or what it would be read as. Not changed.
    source : str, default="settings"
        Where they come from, for the message.

    Returns
    -------
    TrainingConfig

    Raises
    ------
    ConfigError
        If they cannot be used; one line for each fault.
    """
    if isinstance(settings, str):
        try:
            settings = yaml.load(settings, Loader=_OnceLoader)
        except ConfigError as error:
            raise ConfigError(f"{source}: {error}") from None
        except yaml.YAMLError as error:
            raise ConfigError(f"{source}: no valid YAML: {error}") from error
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{source}: expected keys with values, got {type(settings).__name__}")
    try:
        return TrainingConfig.model_validate(dict(settings))
    except ValidationError as error:
        lines = [_explain(fault) for fault in error.errors()]
        raise ConfigError("\n".join(f"{source}: {line}" for line in lines)) from None


def _explain(fault: Mapping[str, Any]) -> str:
    place = [str(part) for part in fault["loc"]]
    if len(place) > 1 and place[0] == "model":
        place.pop(1)  # pydantic names the kind of model here, which is no key of the file
    key, kind, value = ".".join(place), fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return f"{key}: no such setting (value {value!r}); remove it or correct the name"
    if kind == "missing":
        return f"{key}: missing; write it down"
    if kind == "union_tag_not_found":
        return f"{key}.type: missing; choose boosting, forest or logistic"
    if kind == "union_tag_invalid":
        return f"{key}.type: got {fault['ctx']['tag']!r}; choose boosting, forest or logistic"
    if kind == "value_error":
        return f"{key}: {fault['ctx']['error']}"
    message = fault["msg"][0].lower() + fault["msg"][1:]
    return f"{key}: got {value!r}; {message}"
