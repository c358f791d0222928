"""Decisions of yesterday's table that are not today's, by what happened since, on eight splits (lesson 7.1).

The logistic model and the boosting of each split score its 4,000 customers as they were last night and as
they are after an event; a decision is a probability of at least 0.3. The event happens to every customer,
so a figure is the share among those to whom it happened. With a night alone only the two counters of days
move. It takes about 10 s.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from shared.churn import columns, models
from shared.script import command, save
from sklearn.model_selection import train_test_split

OUTPUT = Path(__file__).with_suffix(".csv")
THRESHOLD = 0.3


def events(X: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Customers as they are tonight, after something that happened today."""
    ticket = X.assign(tickets_90d=X["tickets_90d"] + 1, last_ticket_days=0)
    late = X.assign(late_payments_6m=X["late_payments_6m"] + 1, days_since_payment=0)
    return {
        "a night alone": X.assign(
            **{name: X[name] + 1 for name in ("last_ticket_days", "days_since_payment")}
        ),
        "a month more of tenure": X.assign(tenure_months=X["tenure_months"] + 1),
        "a ticket": ticket,
        "a late payment": late,
        "satisfaction 1 point lower": X.assign(satisfaction=X["satisfaction"] - 1),
    }


def main(repeats: int = 8, output: Path = OUTPUT) -> pd.DataFrame:
    X, y = columns()
    rows = []
    for split in range(repeats):
        parts = train_test_split(X, y, test_size=4000, random_state=split, stratify=y)
        for name in ("logistic", "boosting"):
            model = models()[name].fit(parts[0], parts[2])
            called = model.predict_proba(parts[1])[:, 1] >= THRESHOLD
            for event, tonight in events(parts[1]).items():
                now = model.predict_proba(tonight)[:, 1] >= THRESHOLD
                told = {"changed": (now != called).mean(), "newly_called": (now & ~called).mean()}
                rows.append({"split": split, "model": name, "event": event, **told})
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
