"""The `demand` set: weekly sales of the telecom provider's shops, made of documented multipliers.

Used in lessons 1.4, 3.3 and 5.1.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlhelpers.data.synthetic.common import Generated, bernoulli, stream

SEED = 20230703
FIRST_WEEK, N_WEEKS, N_STORES = "2023-07-03", 104, 20
PRODUCTS = {  # units a week in an average shop, list price (USD)
    "prepaid_sim": (60.0, 9.9), "charger": (42.0, 19.9), "case": (50.0, 14.9), "headphones": (24.0, 59.9),
    "power_bank": (30.0, 34.9),
}  # fmt: skip
EFFECTS = {
    "trend_per_52_weeks": 1.10,
    "season_amplitude": 0.12,  # factor 1 + amplitude * cos(2 pi (week of year - peak) / 52)
    "season_peak_week": 50,
    "promotion": {"prepaid_sim": 1.30, "charger": 1.45, "case": 1.55, "headphones": 1.90, "power_bank": 1.60},
    "promotion_discount": 0.20,
    "price_elasticity": -1.2,  # beyond the promotion: (price / list price) ** elasticity
    "holiday": {"new_year": 1.15, "spring_festival": 1.25, "black_friday": 1.80, "christmas": 1.60},
    "temperature_per_degree_from_12": {"prepaid_sim": 0.004, "charger": 0.0, "case": 0.0, "headphones": 0.0,
                                       "power_bank": 0.018},
    "overdispersion": 0.05,  # variance = mean + overdispersion * mean^2
}  # fmt: skip
STOCK_OUT = {"store": "S07", "product": "power_bank", "weeks": [68, 69, 70, 71], "share_of_demand_sold": 0.15}


def generate(seed: int = SEED) -> Generated:
    """Draw the sales and the demand behind them."""
    rng = stream(seed, 1)
    weeks = pd.date_range(FIRST_WEEK, periods=N_WEEKS, freq="7D").as_unit("ns")
    stores = [f"S{i:02d}" for i in range(1, N_STORES + 1)]
    products, shape = list(PRODUCTS), (N_WEEKS, N_STORES, len(PRODUCTS))
    size = np.round(np.exp(rng.normal(0, 0.35, N_STORES)), 3)
    taste = np.round(np.exp(rng.normal(0, 0.15, (N_STORES, len(products)))), 3)
    climate = np.round(rng.normal(0, 2.5, N_STORES), 1)

    week_of_year = weeks.isocalendar().week.to_numpy().astype(float)
    warm = 12 - 10 * np.cos(2 * np.pi * (week_of_year - 3) / 52)
    temperature = np.round(warm[:, None] + climate + rng.normal(0, 2.5, (N_WEEKS, N_STORES)), 1)
    holiday = np.array([_holiday(day) for day in weeks], dtype=object)
    promotion = bernoulli(rng, np.full(shape, 0.14)) | (holiday == "black_friday")[:, None, None]
    list_price = np.array([p[1] for p in PRODUCTS.values()])
    markup = np.round(1 + rng.normal(0, 0.03, (N_WEEKS // 13, N_STORES, len(products))), 3).repeat(13, axis=0)
    shelf = list_price * markup
    price = np.round(shelf * np.where(promotion, 1 - EFFECTS["promotion_discount"], 1.0), 2)

    mean = np.array([p[0] for p in PRODUCTS.values()]) * size[:, None] * taste * np.ones(shape)
    mean *= EFFECTS["trend_per_52_weeks"] ** (np.arange(N_WEEKS) / 52)[:, None, None]
    phase = 2 * np.pi * (week_of_year - EFFECTS["season_peak_week"]) / 52
    mean *= (1 + EFFECTS["season_amplitude"] * np.cos(phase))[:, None, None]
    mean *= np.array([EFFECTS["holiday"].get(h, 1.0) for h in holiday])[:, None, None]
    mean *= np.where(promotion, np.array([EFFECTS["promotion"][p] for p in products]), 1.0)
    mean *= markup ** EFFECTS["price_elasticity"]
    slope = np.array([EFFECTS["temperature_per_degree_from_12"][p] for p in products])
    mean *= 1 + slope * (temperature - 12)[:, :, None]
    noise = rng.gamma(1 / EFFECTS["overdispersion"], EFFECTS["overdispersion"], shape)
    wanted = rng.poisson(np.round(mean * noise, 4))

    index = pd.MultiIndex.from_product([weeks, stores, products], names=["week_start", "store", "product"])
    frame = index.to_frame(index=False)
    frame["units_sold"] = wanted.ravel().astype(np.int64)
    frame["price"] = price.ravel()
    frame["promotion"] = promotion.ravel().astype(np.int64)
    frame["holiday"] = np.repeat(holiday, N_STORES * len(products))
    frame["temperature"] = np.repeat(temperature.ravel(), len(products))
    week = np.repeat(np.arange(1, N_WEEKS + 1), N_STORES * len(products))
    out = (
        (frame["store"] == STOCK_OUT["store"])
        & (frame["product"] == STOCK_OUT["product"])
        & np.isin(week, STOCK_OUT["weeks"])
    )
    sold = np.floor(frame["units_sold"] * STOCK_OUT["share_of_demand_sold"] + 1e-9).astype(np.int64)
    truth = frame[["week_start", "store", "product"]].copy()
    truth["true_demand"] = frame["units_sold"]
    truth["expected_demand"] = np.round(mean.ravel(), 2)
    truth["stock_out"] = out.astype(np.int64)
    frame["units_sold"] = frame["units_sold"].where(~out, sold)
    numbers = {
        "effects": EFFECTS,
        "products": {k: {"units": v[0], "list_price": v[1]} for k, v in PRODUCTS.items()},
        "stock_out": STOCK_OUT,
        "store_size": {s: float(v) for s, v in zip(stores, size, strict=True)},
    }
    return Generated({"demand": frame, "truth": truth}, numbers, seed)


def _holiday(monday: pd.Timestamp) -> str:
    """Name the holiday of a week by one of its days, or ``none``."""
    friday = monday + pd.Timedelta(days=4)
    week = [monday + pd.Timedelta(days=i) for i in range(7)]
    if any((d.month, d.day) == (1, 1) for d in week):
        return "new_year"
    if any((d.month, d.day) == (12, 23) for d in week):
        return "christmas"
    if friday.month == 11 and 23 <= friday.day <= 29:
        return "black_friday"
    if any((d.month, d.day) == (5, 1) for d in week):
        return "spring_festival"
    return "none"
