"""What is wrong with the `churn` data on purpose, and a record of it: the dirty export, broken source rows.

Lesson 3.1 cleans the export; lessons 2.3 and 2.4 look at it. The validate stage of the churn pipeline and
lessons 2.2 and 2.5 find the broken rows of the source systems.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

MISSING_SPELLINGS = ["", "N/A", "-999"]
N_EXACT, N_NEAR = 180, 120
MISSPELT = {
    "gender": {
        "female": ["Female", "F", "FEMALE"],
        "male": ["Male", "M", "male "],
        "other": ["Other", "OTHER"],
    },
    "contract": {
        "monthly": ["Monthly", "montly", "month to month"],
        "one_year": ["one year", "One_Year", "1 year"],
        "two_year": ["two year", "Two_Year", "2 year"],
    },
    "payment_method": {
        "card": ["Card", "credit card", "crad"],
        "direct_debit": ["direct debit", "Direct_Debit", "direct_debt"],
        "e_wallet": ["e-wallet", "E_Wallet", "ewallet"],
        "bank_transfer": ["bank transfer", "Bank_Transfer", "bank_tranfer"],
    },
    "internet": {
        "none": ["None", "no", "NONE"],
        "dsl": ["DSL", "Dsl", "dls"],
        "fiber": ["Fiber", "fibre", "FIBER"],
    },
    "region": {
        "capital": ["Capital", "capitol"],
        "coast": ["Coast", "coastt"],
        "north": ["North", "nroth"],
        "south": ["South", "SOUTH"],
        "east": ["East", "eats"],
        "west": ["West", "WEST"],
        "central": ["Central", "centrl"],
        "highlands": ["Highlands", "higlands"],
    },
}
SHARES = {
    "date_dmy": 0.20,
    "date_text": 0.10,
    "category_spelling": 0.04,
    "whitespace": 0.03,
    "currency": 0.12,
    "unit_slip": 0.006,
    "impossible_value": 0.003,
}
BROKEN_SHARE = 0.01
# (column, what is written there, why it is wrong)
CUSTOMER_FAULTS = [
    ("birth_year", "1795", "age 230"),
    ("contract", "montly", "unknown contract"),
    ("monthly_charge", "negative", "negative charge"),
    ("discount_pct", "250", "discount above 100%"),
    ("region", "atlantis", "unknown region"),
]
USAGE_FAULTS = [
    ("call_minutes", "negative", "negative minutes"),
    ("data_gb", "99999.0", "more data than any plan allows"),
    ("data_gb", "negative", "negative data volume"),
]


def dirty_export(clean: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn the flat table into the text a careless export would hold.

    Returns
    -------
    raw : pandas.DataFrame
        All columns as text, about 12,300 rows.
    truth : pandas.DataFrame
        One line per changed cell and per duplicated row: row (0-based in `raw`), customer_id, column (empty
        for a whole row), problem, exported, true.
    """
    text = _as_text(clean)
    raw, changed = text.copy(), []
    n = len(raw)

    def change(column: str, rows: np.ndarray, values, problem: str) -> None:
        raw.loc[rows, column] = values
        changed.extend((int(r), column, problem) for r in rows)

    def some(share: float, allowed: np.ndarray | None = None) -> np.ndarray:
        hit = rng.random(n) < share
        return np.flatnonzero(hit if allowed is None else hit & allowed)

    for column in clean.columns[clean.isna().any()]:
        rows = np.flatnonzero(clean[column].isna())
        change(
            column,
            rows,
            np.array(MISSING_SPELLINGS, dtype=object)[rng.integers(0, 3, len(rows))],
            "missing_spelling",
        )
    style = rng.random(n)
    day_first = np.flatnonzero(style < SHARES["date_dmy"])
    words = np.flatnonzero((style >= SHARES["date_dmy"]) & (style < SHARES["date_dmy"] + SHARES["date_text"]))
    date = clean["signup_date"].dt
    change("signup_date", day_first, date.strftime("%d/%m/%Y").to_numpy()[day_first], "date_format")
    in_words = (date.strftime("%b ") + date.day.astype(str) + date.strftime(", %Y")).to_numpy()
    change("signup_date", words, in_words[words], "date_format")
    for column, spellings in MISSPELT.items():
        rows = some(SHARES["category_spelling"])
        options = [spellings[v] for v in text[column].to_numpy()[rows]]
        chosen = rng.integers(0, 6, len(rows))
        change(column, rows, [o[k % len(o)] for o, k in zip(options, chosen, strict=True)],
               "category_spelling")  # fmt: skip
    for column in ("region", "payment_method", "customer_id"):
        rows = some(SHARES["whitespace"], (raw[column] == text[column]).to_numpy())
        change(column, rows, (raw[column] + "  ").to_numpy()[rows], "whitespace")
    charge = clean["monthly_charge"]
    rows = some(SHARES["currency"])
    change("monthly_charge", rows, [f"${v:,.2f}" for v in charge.to_numpy()[rows]], "currency")
    rows = some(SHARES["unit_slip"], (raw["monthly_charge"] == text["monthly_charge"]).to_numpy())
    change(
        "monthly_charge", rows, [f"{v * 100:,.0f}" for v in charge.to_numpy()[rows]], "unit_slip"
    )  # in cents
    rows = some(SHARES["unit_slip"])
    change(
        "data_gb", rows, [f"{v * 1024:,.1f}" for v in clean["data_gb"].to_numpy()[rows]], "unit_slip"
    )  # in MB
    rows = some(SHARES["impossible_value"], clean["age"].notna().to_numpy())
    change(
        "age",
        rows,
        np.array(["0", "230", "-4"], dtype=object)[rng.integers(0, 3, len(rows))],
        "impossible_value",
    )
    rows = some(SHARES["impossible_value"])
    change("tenure_months", rows, "999", "impossible_value")
    return _with_duplicates(raw, text, changed, rng)


def _as_text(clean: pd.DataFrame) -> pd.DataFrame:
    text = pd.DataFrame(index=clean.index)
    for column in clean.columns:
        values = clean[column]
        if values.dtype.kind == "M":
            text[column] = values.dt.strftime("%Y-%m-%d")
        elif column in ("age", "satisfaction", "last_ticket_days"):
            text[column] = values.astype("Int64").astype(str).where(values.notna(), "")
        else:
            text[column] = values.astype(str).where(values.notna(), "")
    return text


def _with_duplicates(raw, text, changed, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Insert copies at random places; a near copy spells its contract or its date in another way."""
    n = len(raw)
    source = rng.choice(n, N_EXACT + N_NEAR, replace=False)
    near = raw.iloc[source[N_EXACT:]].copy()
    near["contract"] = text["contract"].iloc[source[N_EXACT:]].str.upper().to_numpy()
    near["signup_date"] = text["signup_date"].iloc[source[N_EXACT:]].str.replace("-", "/").to_numpy()
    everything = pd.concat([raw, raw.iloc[source[:N_EXACT]], near], ignore_index=True)
    origin = np.concatenate([np.arange(n), source])
    kind = np.array([""] * n + ["exact_duplicate"] * N_EXACT + ["near_duplicate"] * N_NEAR, dtype=object)
    # Copies land after their original, so that keeping the first of each customer keeps the original.
    place = np.concatenate(
        [np.arange(n, dtype=float), source + 0.5 + np.floor(rng.random(len(source)) * (n - source))]
    )
    order = np.argsort(place, kind="stable")
    everything, origin, kind = everything.iloc[order].reset_index(drop=True), origin[order], kind[order]

    cells = pd.DataFrame(changed, columns=["origin", "column", "problem"])
    lines = pd.DataFrame({"row": np.arange(len(origin)), "origin": origin, "kind": kind}).merge(
        cells, on="origin"
    )
    overwritten = (lines["kind"] == "near_duplicate") & lines["column"].isin(["contract", "signup_date"])
    lines = lines[~overwritten]
    copies = np.flatnonzero(kind != "")
    nears = np.flatnonzero(kind == "near_duplicate")
    extra = pd.concat(
        [
            pd.DataFrame({"row": copies, "origin": origin[copies], "column": "", "problem": kind[copies]}),
            pd.DataFrame(
                {"row": nears, "origin": origin[nears], "column": "contract", "problem": "category_spelling"}
            ),
            pd.DataFrame(
                {"row": nears, "origin": origin[nears], "column": "signup_date", "problem": "date_format"}
            ),
        ]
    )
    truth = pd.concat([lines, extra]).sort_values(["row", "column"], kind="stable").reset_index(drop=True)
    truth["customer_id"] = text["customer_id"].to_numpy()[truth["origin"]]
    position = everything.columns.get_indexer(truth["column"])
    cell = position >= 0
    exported, true = np.full(len(truth), "", dtype=object), np.full(len(truth), "", dtype=object)
    exported[cell] = everything.to_numpy()[truth["row"].to_numpy()[cell], position[cell]]
    true[cell] = text.to_numpy()[truth["origin"].to_numpy()[cell], position[cell]]
    truth["exported"], truth["true"] = exported, true
    return everything, truth[["row", "customer_id", "column", "problem", "exported", "true"]]


def draw_source_errors(
    customers: pd.DataFrame, usage: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Choose 1% of the rows of `customers` and of `usage` and one fault for each.

    Returns
    -------
    pandas.DataFrame
        source, key (customer_id, for usage followed by ``|`` and the month), column, good, bad, problem.
    """
    month = usage["month"].dt.strftime("%Y-%m-%d")
    parts = [
        _faults("customers", customers["customer_id"], customers, CUSTOMER_FAULTS, rng),
        _faults("usage", usage["customer_id"] + "|" + month, usage, USAGE_FAULTS, rng),
    ]
    return pd.concat(parts, ignore_index=True)


def _faults(source, keys, table, faults, rng) -> pd.DataFrame:
    rows = np.sort(rng.choice(len(table), round(BROKEN_SHARE * len(table)), replace=False))
    kinds = rng.integers(0, len(faults), len(rows))
    found = []
    for row, kind in zip(rows, kinds, strict=True):
        column, bad, problem = faults[kind]
        good = table[column].iat[row]
        if pd.isna(good):  # nothing there to break
            continue
        if bad == "negative":
            bad = str(-abs(float(good)) - 1.0)
        found.append((source, keys.iat[row], column, str(good), bad, problem))
    return pd.DataFrame(found, columns=["source", "key", "column", "good", "bad", "problem"])
