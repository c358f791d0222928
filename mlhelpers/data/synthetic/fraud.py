"""The `fraud` set: card payments over 90 days, fraud in rings, and a new pattern from day 60.

Used in lessons 1.3, 2.1, 3.4 and 9.5.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlhelpers.data.synthetic.common import Generated, pick, stream, table_of, whole

SEED = 20250401
START = "2025-04-01"
N_DAYS, N_TRANSACTIONS, N_FRAUD = 90, 60_000, 360
N_CARDS, N_MERCHANTS = 3_000, 500
CHANGE_DAY = 60
COUNTRIES = ["home", "neighbor", "europe", "overseas"]
CHANNELS = ["chip", "contactless", "online"]
# category: (share of payments, mean log amount, spread, share of online payments)
CATEGORIES = {
    "grocery": (0.30, 3.3, 0.6, 0.05),
    "transport": (0.17, 2.3, 0.6, 0.25),
    "restaurant": (0.17, 3.1, 0.5, 0.10),
    "fashion": (0.12, 4.0, 0.7, 0.55),
    "electronics": (0.08, 4.9, 0.8, 0.60),
    "travel": (0.06, 5.2, 0.8, 0.75),
    "gift_cards": (0.04, 3.8, 0.6, 0.80),
    "health": (0.06, 3.4, 0.6, 0.15),
}
# weights of categories, countries, channels; log amount; hours; mean device age (days); shares of the rings
PATTERNS = {
    "stolen_data": {
        "category": {"electronics": 5, "gift_cards": 4, "travel": 2, "fashion": 2},
        "country": (3, 2, 3, 2),
        "channel": (0, 0.5, 9.5),
        "log_amount": (5.2, 0.65),
        "hours": (22, 6),
        "device_age": 3.0,
        "share_before": 1.0,
        "share_after": 0.25,
    },
    "card_testing": {
        "category": {"transport": 4, "grocery": 3, "health": 1, "restaurant": 2},
        "country": (9.3, 0.5, 0.1, 0.1),
        "channel": (0.3, 5.2, 4.5),
        "log_amount": (2.0, 0.45),
        "hours": (9, 17),
        "device_age": 45.0,
        "share_before": 0.0,
        "share_after": 0.75,
    },
}
N_BLENDS_IN = 45  # frauds without a ring: a stolen card used as its owner would
COLUMNS = [
    "transaction_id", "ts", "card_id", "merchant_id", "device_id", "merchant_category", "amount",
    "amount_ratio", "country", "channel", "distance_km", "hour", "seconds_since_last", "tx_24h",
    "device_age_days", "card_age_days", "is_fraud",
]  # fmt: skip


def generate(seed: int = SEED) -> Generated:
    """Draw the payments and the truth behind them."""
    rng = stream(seed, 1)
    cards = pd.DataFrame(
        {
            "activity": rng.gamma(1.5, 1.0, N_CARDS),
            "spend": np.round(rng.normal(0, 0.35, N_CARDS), 4),
            "opened_days_ago": rng.integers(30, 3000, N_CARDS),
            "traveler": rng.random(N_CARDS) < 0.12,
        }
    )
    merchant_category = pick(
        rng, list(CATEGORIES), np.tile([c[0] + 0.04 for c in CATEGORIES.values()], (N_MERCHANTS, 1))
    )
    honest = _honest(cards, merchant_category, seed)
    fraud = _fraud(cards, merchant_category, seed)
    every = pd.concat([honest, fraud], ignore_index=True).sort_values(["second", "card"], kind="stable")
    every = every.reset_index(drop=True)
    every = _history(every, cards, seed)
    frame = every[COLUMNS]
    truth = every[["transaction_id", "pattern", "ring"]].copy()
    day = every["second"] // 86_400
    late = frame["is_fraud"][day >= CHANGE_DAY]
    numbers = {
        "start": START,
        "days": N_DAYS,
        "fraud_rate": round(float(frame["is_fraud"].mean()), 5),
        "change_day": CHANGE_DAY,
        "change_date": "2025-05-31",
        "patterns": PATTERNS,
        "blends_in": N_BLENDS_IN,
        "rings": int(truth["ring"].nunique() - 1),
        "frauds_before_change": int(frame["is_fraud"].sum() - late.sum()),
        "frauds_after_change": int(late.sum()),
    }
    return Generated({"fraud": frame, "truth": truth}, numbers, seed)


def _honest(cards: pd.DataFrame, merchant_category: np.ndarray, seed: int) -> pd.DataFrame:
    rng, n = stream(seed, 2), N_TRANSACTIONS - N_FRAUD
    edges = np.round(np.cumsum(cards["activity"]) / cards["activity"].sum(), 9)
    card = np.searchsorted(edges, rng.random(n))
    card = np.minimum(card, N_CARDS - 1)
    category = pick(rng, list(CATEGORIES), np.tile([c[0] for c in CATEGORIES.values()], (n, 1)))
    _, mean, spread, online = table_of(CATEGORIES, category).T
    day = pick(rng, np.arange(N_DAYS), np.tile(1 + 0.25 * (np.arange(N_DAYS) % 7 >= 4), (n, 1)))
    hour_weight = np.array(
        [1, 0.6, 0.4, 0.3, 0.4, 0.8, 2, 4, 6, 6, 6, 7, 9, 8, 7, 7, 8, 9, 9, 8, 6, 5, 4, 2.5]
    )
    hour = pick(rng, np.arange(24), np.tile(hour_weight, (n, 1)))
    channel = np.where(rng.random(n) < online, "online", np.where(rng.random(n) < 0.7, "contactless", "chip"))
    away = rng.random(n) < np.where(cards["traveler"].to_numpy()[card], 0.30, 0.02)
    country = np.where(away, pick(rng, COUNTRIES[1:], np.tile([5, 4, 2], (n, 1))), "home")
    new_device = rng.random(n) < np.where(channel == "online", 0.07, 0.015)
    age = np.where(new_device, rng.exponential(4.0, n), rng.gamma(1.8, 220.0, n))
    return pd.DataFrame(
        {
            "second": day * 86_400 + hour * 3600 + rng.integers(0, 3600, n),
            "card": card,
            "merchant": _merchant_of(category, merchant_category, rng),
            "merchant_category": category,
            "amount": np.round(np.exp(rng.normal(mean + cards["spend"].to_numpy()[card], spread)), 2),
            "country": country,
            "channel": channel,
            "device": np.where(new_device, 100_000 + rng.integers(0, 4000, n), card + 1),
            "device_age_days": whole(age, 0, 4000),
            "is_fraud": np.int64(0),
            "pattern": "",
            "ring": 0,
        }
    )


def _fraud(cards: pd.DataFrame, merchant_category: np.ndarray, seed: int) -> pd.DataFrame:
    """Draw rings (one device, two merchants and a few cards within some hours) and lone frauds."""
    rng, parts, left, ring = stream(seed, 3), [], N_FRAUD - N_BLENDS_IN, 0
    names = list(PATTERNS)
    while left:
        day, ring = int(rng.integers(0, N_DAYS)), ring + 1
        share = "share_after" if day >= CHANGE_DAY else "share_before"
        pattern = pick(rng, names, np.array([[PATTERNS[p][share] for p in names]]))[0]
        size = min(int(rng.integers(5, 14)), left)
        parts.append(_ring(rng, pattern, day, size, ring, merchant_category))
        left -= size
    return pd.concat([*parts, _blending(cards, merchant_category, seed)], ignore_index=True)


def _ring(rng, pattern, day, size, ring, merchant_category) -> pd.DataFrame:
    about = PATTERNS[pattern]
    names = list(about["category"])
    category = pick(rng, names, np.tile(list(about["category"].values()), (2, 1)))
    shops = _merchant_of(category, merchant_category, rng)
    which = rng.integers(0, 2, size)
    victims = rng.choice(N_CARDS, max(2, size // 3), replace=False)
    first, last = about["hours"]
    length = (last - first) % 24
    begin = day * 86_400 + first * 3600 + int(rng.integers(0, length * 3600))
    seconds = begin + np.sort(rng.integers(0, 3 * 3600, size))
    mean, spread = about["log_amount"]
    own_device = rng.random(size) < 0.2  # some use the owner's own phone
    card = np.sort(victims[rng.integers(0, len(victims), size)])
    age = np.where(own_device, rng.gamma(1.8, 220.0, size), rng.exponential(about["device_age"], size))
    return pd.DataFrame(
        {
            "second": np.minimum(seconds, N_DAYS * 86_400 - 1),
            "card": card,
            "merchant": shops[which],
            "merchant_category": category[which],
            "amount": np.round(np.exp(rng.normal(mean, spread, size)), 2),
            "country": pick(rng, COUNTRIES, np.tile(about["country"], (size, 1))),
            "channel": pick(rng, CHANNELS, np.tile(about["channel"], (size, 1))),
            "device": np.where(own_device, card + 1, 200_000 + ring),
            "device_age_days": whole(age, 0, 4000),
            "is_fraud": np.int64(1),
            "pattern": pattern,
            "ring": ring,
        }
    )


def _blending(cards: pd.DataFrame, merchant_category: np.ndarray, seed: int) -> pd.DataFrame:
    rng, n = stream(seed, 5), N_BLENDS_IN
    category = pick(rng, list(CATEGORIES), np.tile([c[0] for c in CATEGORIES.values()], (n, 1)))
    _, mean, spread, online = table_of(CATEGORIES, category).T
    card = rng.integers(0, N_CARDS, n)
    return pd.DataFrame(
        {
            "second": rng.integers(0, N_DAYS, n) * 86_400 + rng.integers(7 * 3600, 24 * 3600, n),
            "card": card,
            "merchant": _merchant_of(category, merchant_category, rng),
            "merchant_category": category,
            "amount": np.round(np.exp(rng.normal(mean + 0.3 + cards["spend"].to_numpy()[card], spread)), 2),
            "country": "home",
            "channel": np.where(rng.random(n) < online + 0.2, "online", "contactless"),
            "device": card + 1,
            "device_age_days": whole(rng.gamma(1.8, 180.0, n), 0, 4000),
            "is_fraud": np.int64(1),
            "pattern": "blends_in",
            "ring": 0,
        }
    )


def _merchant_of(category: np.ndarray, merchant_category: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose a merchant of each payment's category; the first ones of a category are visited more."""
    chosen = np.zeros(len(category), dtype=np.int64)
    for name in CATEGORIES:
        rows, shops = np.flatnonzero(category == name), np.flatnonzero(merchant_category == name)
        chosen[rows] = shops[np.floor(len(shops) * rng.random(len(rows)) ** 2).astype(int)]
    return chosen


def _history(every: pd.DataFrame, cards: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Add what the card's own past says, and names."""
    rng, n = stream(seed, 4), len(every)
    out = every.copy()
    out["transaction_id"] = [f"X{i:07d}" for i in range(1, n + 1)]
    out["ts"] = (pd.Timestamp(START) + pd.to_timedelta(out["second"], unit="s")).astype("datetime64[ns]")
    out["card_id"] = ("K" + (out["card"] + 1).astype(str).str.zfill(5)).astype(object)
    out["merchant_id"] = ("M" + (out["merchant"] + 1).astype(str).str.zfill(4)).astype(object)
    out["device_id"] = ("D" + out["device"].astype(str).str.zfill(6)).astype(object)
    out["hour"] = (out["second"] // 3600 % 24).astype("int64")
    out["card_age_days"] = (
        cards["opened_days_ago"].to_numpy()[out["card"]] + out["second"] // 86_400
    ).astype("int64")
    usual = np.exp(3.3 + cards["spend"].to_numpy()[out["card"]])
    out["amount_ratio"] = np.round(out["amount"] / usual, 2)
    before = out.groupby("card")["second"].shift()
    out["seconds_since_last"] = (out["second"] - before).astype("float64")
    out["tx_24h"] = _count_last_day(out["card"].to_numpy(), out["second"].to_numpy())
    scale = table_of(
        {"home": [6], "neighbor": [280], "europe": [1100], "overseas": [6500]}, out["country"].to_numpy()
    )[:, 0]
    out["distance_km"] = np.round(scale * rng.gamma(1.6, 1 / 1.6, n), 1)
    return out


def _count_last_day(card: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Count each card's payments in the 24 hours up to and without this one (rows ordered by time)."""
    order = np.lexsort((second, card))
    key = card[order].astype(np.int64) * 10**9 + second[order]
    count = np.arange(len(key)) - np.searchsorted(key, key - 86_400)
    result = np.empty(len(key), dtype=np.int64)
    result[order] = count
    return result
