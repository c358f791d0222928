"""The features of all customers, once a month: extract >> transform >> load.

Airflow schedules; the course's own environment computes, so that the same locked libraries make the
features as in training. Settings: MLE_PYTHON, that environment's Python; MLE_WORK, the folder for a run's
files; MLE_STORE, the SQLite file of features; MLE_SOURCES, the folder of the source systems (default: the
course's own company).
Taught in lesson 3.5.
"""

import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.python import ExternalPythonOperator
from airflow.sdk import DAG

WORK = os.environ.get("MLE_WORK", os.path.join(os.environ.get("AIRFLOW_HOME", "."), "churn_features"))
STORE = os.environ.get("MLE_STORE", os.path.join(WORK, "features.sqlite"))


# Each function runs in the other Python, so it imports what it needs itself.
def extract(folder, sources):
    """Read the source systems; return the folder of tables."""
    from mlhelpers.features.churn_flow import extract

    return extract(folder, sources=sources)


def transform(extracted, as_of):
    """Compute the features of one day; return the file."""
    from mlhelpers.features.churn_flow import transform

    return transform(extracted, as_of=as_of)


def load(features, store):
    """Put the day into the store; return its number of rows."""
    from mlhelpers.features.churn_flow import load

    return load(features, store=store)


def step(function, **arguments):
    """Build the task that runs one function in the course's environment."""
    return ExternalPythonOperator(
        task_id=function.__name__,
        python=os.environ.get("MLE_PYTHON", "python"),
        python_callable=function,
        op_kwargs=arguments,
        expect_airflow=False,
    )


with DAG(
    dag_id="churn_features",
    description="Features of all customers as of the last day of the month",
    schedule="0 6 1 * *",  # at six on the first, when the month is complete
    start_date=datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(minutes=30),
    },
    params={"as_of": ""},  # another day, for a run by hand or to fill in the past
    tags=["churn"],
) as dag:
    # Without it the day before the run: on the first of July, the 30th of June.
    day = "{{ params.as_of or macros.ds_add(ds, -1) }}"
    extracting = step(extract, folder=WORK + "/" + day, sources=os.environ.get("MLE_SOURCES", ""))
    transforming = step(transform, extracted=extracting.output, as_of=day)
    loading = step(load, features=transforming.output, store=STORE)
    extracting >> transforming >> loading
