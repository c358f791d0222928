"""`score_frames` gives Spark the rows, probabilities and reasons that `score_file` gives."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.platforms


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from mlhelpers.data import load
    from mlhelpers.packaging import build_bundle, infer_signature, load_bundle
    from mlhelpers.training import data_hash, fit, make_boosting

    frame = load("churn")
    numeric, categorical = ["tenure_months", "monthly_charge", "satisfaction"], ["contract", "internet"]
    X = frame[numeric + categorical]
    folder = build_bundle(
        tmp_path_factory.mktemp("bundle") / "bundle",
        model=fit(make_boosting(numeric, categorical, max_iter=20), X, frame["churned"]),
        signature=infer_signature(X),
        example=X.head(2),
        metrics={"n": len(X)},
        model_card="# Model card\n",
        data_hash=data_hash(frame),
        name="churn",
    )
    return load_bundle(folder)


def test_spark_scores_the_same_rows_as_the_batch_job(spark, bundle, tmp_path):
    from mlhelpers.data import load
    from mlhelpers.serving import score_file, score_frames

    frame = load("churn")[["customer_id", *bundle.columns]].head(3000)
    frame.loc[7, "contract"] = "weekly"
    frame.to_parquet(tmp_path / "in.parquet", index=False)
    report = score_file(bundle, tmp_path / "in.parquet", tmp_path / "out.parquet")
    expected = pd.read_parquet(tmp_path / "out.parquet")

    schema = "customer_id string, probability double, problem string, model string"
    score = partial(score_frames, str(bundle.folder), keep=["customer_id"])
    rows = spark.read.parquet(str(tmp_path / "in.parquet")).repartition(4)
    scored = rows.mapInPandas(score, schema).toPandas()
    good = scored[scored["problem"].isna()].merge(expected, on="customer_id", validate="one_to_one")
    assert (len(good), report.scored, report.quarantined) == (2999, 2999, 1)
    np.testing.assert_allclose(good["probability_x"], good["probability_y"], atol=1e-12)
    refused = scored[scored["problem"].notna()]
    assert refused["customer_id"].tolist() == [frame.loc[7, "customer_id"]]
    assert refused["problem"].iloc[0].startswith("contract: unseen") and refused["probability"].isna().all()
