"""The `reviews` set: short product reviews from a grammar with negation, mixed opinions and typing errors.

Used in lessons 3.3, 5.3 and 12.3.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlhelpers.data.synthetic import words
from mlhelpers.data.synthetic.common import Generated, stream

SEED = 20240815
N = 8_000
RATES = {
    "positive_review": 0.55,
    "clause_agrees_with_review": 0.85,
    "clause_negated": 0.15,  # "not bad", "never reliable": the words say the opposite
    "typo": 0.18,
    "label_noise": 0.02,
}
POOLS = {
    "aspect": words.ASPECTS,
    "product": words.PRODUCTS,
    "people": words.PEOPLE,
    "place": words.PLACES,
    "time": words.TIMES,
    "very": words.INTENSIFIERS,
}
PLAIN = [
    "the {aspect} is {very} *",
    "the {aspect} is *",
    "{aspect}: *",
    "I find the {aspect} *",
    "* {aspect}",
    "the {aspect} turned out to be *",
    "{people} says the {aspect} is {very} *",
    "after {time} the {aspect} is still *",
    "I would call the {aspect} *",
    "the {aspect} feels *",
]
NEGATED = [
    "the {aspect} is not *",
    "the {aspect} is not * at all",
    "the {aspect} isn't {very} *",
    "I can't call the {aspect} *",
    "the {aspect} was never *",
    "nobody could say the {aspect} is *",
    "the {aspect} is anything but *",
    "I wouldn't say the {aspect} is *",
    "hardly a * {aspect}",
    "the {aspect} is far from *",
]
NEUTRAL = [
    "Bought the {product} for {people}.",
    "I use it mostly at {place}.",
    "Had it for {time} now.",
    "Ordered on a Monday.",
    "It came in a small box.",
    "My second {product} from this shop.",
    "{people} has the same one.",
    "Used it on {place} for {time}.",
    "It replaces an old {product}.",
    "Color is as in the picture.",
    "I compared it with another {product}.",
    "Took it to {place}.",
    "It is the {nn} model.",
    "We have {n} of these now.",
]
JOIN = [", ", " and ", ". ", "; ", ", also "]
BUT = [", but ", ", although ", ". However, ", ", yet "]


def generate(seed: int = SEED) -> Generated:
    """Draw the reviews and how each was made."""
    choose, rows = words.Chooser(stream(seed, 1)), []
    for number in range(1, N + 1):
        positive = choose.chance(RATES["positive_review"])
        product = choose.one(words.PRODUCTS)
        text, score, negated, mixed = _review(choose, positive, product)
        typos = 0
        while choose.chance(RATES["typo"]) and typos < 3:
            text, typos = choose.typo(text), typos + 1
        wrong = choose.chance(RATES["label_noise"])
        sentiment = int(positive != wrong)
        strong = abs(score) > 1
        stars = (5 if strong else 4) if sentiment else (1 if strong else 2)
        made = (int(positive), negated, int(mixed), typos)
        rows.append((f"R{number:05d}", product, stars, sentiment, text, *made))
    names = [
        "review_id",
        "product",
        "stars",
        "sentiment",
        "text",
        "true_sentiment",
        "negated_clauses",
        "mixed",
        "typos",
    ]
    everything = pd.DataFrame(rows, columns=names)
    day = np.sort(stream(seed, 2).integers(0, 365, N))
    date = pd.DatetimeIndex(pd.Timestamp("2024-07-01") + pd.to_timedelta(day, unit="D")).as_unit("ns")
    everything.insert(1, "date", date)
    frame = everything[["review_id", "date", "product", "text", "stars", "sentiment"]]
    truth = everything[["review_id", "true_sentiment", "negated_clauses", "mixed", "typos"]]
    numbers = {
        "rates": RATES,
        "positive_share": round(float(frame["sentiment"].mean()), 4),
        "reviews_with_negation": round(float((truth["negated_clauses"] > 0).mean()), 4),
        "mixed_reviews": round(float(truth["mixed"].mean()), 4),
    }
    return Generated({"reviews": frame, "truth": truth}, numbers, seed)


def _review(choose: words.Chooser, positive: bool, product: str) -> tuple[str, int, int, bool]:
    """Return the text, the sum of its opinions, the number of negated clauses, whether opinions differ."""
    n_clauses = choose.number(2, 5)
    opinions = [
        positive if choose.chance(RATES["clause_agrees_with_review"]) else not positive
        for _ in range(n_clauses)
    ]
    if sum(o == positive for o in opinions) * 2 <= n_clauses:  # the majority speaks for the review
        opinions = [positive] * (n_clauses // 2 + 1) + opinions[n_clauses // 2 + 1 :]
    text, negated = "", 0
    for index, good in enumerate(opinions):
        turn = choose.chance(RATES["clause_negated"])
        negated += turn
        pool = words.POSITIVE if good != turn else words.NEGATIVE
        clause = choose.fill(choose.common(NEGATED if turn else PLAIN), POOLS).replace(
            "*", choose.common(pool)
        )
        if index:
            text += choose.one(JOIN if good == opinions[index - 1] else BUT)
        text += clause
    text = ". ".join(part[:1].upper() + part[1:] for part in text.split(". ")) + choose.one(
        [".", ".", "!", ""]
    )
    for _ in range(choose.number(0, 2)):
        extra = choose.fill(choose.one(NEUTRAL), POOLS | {"product": [product]})
        extra = extra[:1].upper() + extra[1:]
        text = f"{extra} {text}" if choose.chance(0.5) else f"{text} {extra}"
    return text, 2 * sum(opinions) - n_clauses, negated, len(set(opinions)) > 1
