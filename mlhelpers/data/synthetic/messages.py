"""The `messages` set: text messages, one in seven spam; some sound like the other kind.

Used in lessons 1.2 and 12.3.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlhelpers.data.synthetic import words
from mlhelpers.data.synthetic.common import Generated, stream

SEED = 20240901
N = 5_000
RATES = {
    "spam": 0.134,
    "spam_that_sounds_private": 0.28,
    "private_that_sounds_like_spam": 0.10,
    "typo": 0.15,
    "label_noise": 0.005,
}
POOLS = {
    "name": words.NAMES,
    "people": words.PEOPLE,
    "place": words.PLACES,
    "time": words.TIMES,
    "food": words.FOODS,
    "thing": words.THINGS,
    "product": words.PRODUCTS,
    "good": words.POSITIVE[:30],
    "bad": words.NEGATIVE[:30],
    "day": words.split("today|tomorrow|tonight|on Monday|on Friday|this weekend|next week|on Sunday"),
    "hour": words.split("7|6:30|8|7:30|9:15|noon|5|half past 6|10"),
    "brand": words.split(
        "TeleMax|PrimeShop|FastBank|ParcelPro|LottoWorld|CellNet|GiftHub|SafePay|VoucherCity|LoanNow"
    ),
    "prize": words.split("voucher|cash prize|new phone|holiday|gift card|bonus|free upgrade|refund|tablet"),
    "act": words.split("call|text YES|reply WIN|click|claim|confirm|visit|text STOP"),
    "link": words.split(
        "bit.ly/a1c|www.win-now.example|t.example/claim|secure-pay.example|parcel-fee.example"
    ),
}
HAM = [
    "Are you coming to {place} {day}?",
    "Can you bring my {thing}? I left it at {place}.",
    "ok see you at {hour}",
    "Running late, start without me.",
    "{name} says hi, how was {place}?",
    "Do we need {food} for {day}?",
    "I'm on {place}, can't talk, text me",
    "haha that was {good}",
    "Sorry, fell asleep. Talk {day}?",
    "Did {name} find the {thing}?",
    "Dinner at {hour}? I'm thinking {food}.",
    "Just got home, {food} was {good}",
    "Happy birthday {name}! See you {day}",
    "Lost my {thing} again...",
    "{people} is asking about {day}",
    "Meeting moved to {hour}, tell {name}",
    "Thanks for {day}, it was {good}",
    "the movie was {bad}, don't bother",
    "Where did you put the {thing}?",
    "I'll be at {place} in {nn} minutes",
    "Good luck {day}! You'll do great",
    "Can we swap shifts {day}? {name} is sick",
    "Which {food} place was it again?",
    "miss you, call when you can",
    "No idea, ask {name}",
    "Train is {nn} min late. Sigh.",
    "yes",
    "ok",
    "lol no way",
    "Need anything from the shop? {food}?",
    "{name} and I are at {place}, join us",
    "How long did the {product} last you? Mine died after {time}",
]
HAM_LIKE_SPAM = [
    "Your {brand} parcel arrives {day} between {hour} and noon.",
    "{brand}: your code is {nnnnnn}. Do not share it.",
    "You won the bet, I owe you {nn}! Call me",
    "Free {day}? {name} has free tickets, reply asap",
    "{brand}: payment of ${nn} received. Thank you.",
    "Claim your seat before {hour}, it fills up quick, reply to {name}",
    "Your appointment is confirmed for {day} at {hour}. Reply C to cancel.",
    "Call {name} now, urgent, about the {thing}",
    "{brand} invoice for this month: ${nn}. Due {day}.",
    "Half price {food} at {place} {day}, want to go?",
]
SPAM = [
    "WINNER! You have been selected for a {prize}. {act} {nnnnn} now!",
    "URGENT: your {brand} account is locked. {act} {link}",
    "Free {prize} from {brand}! {act} {link} before midnight.",
    "You have won ${nnnn} cash! {act} {nnnnnn} to claim.",
    "{brand}: last chance to claim your {prize}. {act} {nnnnn}. T&Cs apply",
    "Get a loan of ${nnnn} today, no checks. {act} {link}",
    "Congratulations! {brand} picked your number for a {prize}. {act} {link}",
    "Your parcel is held. Pay ${n}.{nn} at {link}",
    "Hot offer: unlimited minutes for ${nn}, {act} {nnnnn} now",
    "FINAL NOTICE: refund of ${nnn} waiting, confirm at {link}",
    "Earn ${nnn} a day from home! {act} {nnnnnn}",
    "Dear customer, your {prize} expires {day}. {act} {link}",
]
# Ways to ask for an answer; spam that sounds private is a private sentence and, mostly, one of these.
TAILS = [
    "call me on {nnnnnn}",
    "this is my new number",
    "see {link}",
    "text me back here",
    "can you send me ${nn}?",
    "ring me back on {nnnnnn}",
    "open {link}",
    "reply when you get this",
    "saw your photo",
    "need it {day}, urgent",
]
TAIL = {"spam_that_sounds_private": 0.85, "private": 0.06}


def generate(seed: int = SEED) -> Generated:
    """Draw the messages and how each was made."""
    choose, rows = words.Chooser(stream(seed, 1)), []
    for number in range(1, N + 1):
        spam = choose.chance(RATES["spam"])
        odd = choose.chance(RATES["spam_that_sounds_private" if spam else "private_that_sounds_like_spam"])
        private = spam == odd
        text = choose.fill(choose.one(HAM if private else SPAM if spam else HAM_LIKE_SPAM), POOLS)
        while private and choose.chance(0.42):
            text += " " + choose.fill(choose.one(HAM), POOLS)
        if private and choose.chance(TAIL["spam_that_sounds_private" if spam else "private"]):
            text += " " + choose.fill(choose.one(TAILS), POOLS)
        if choose.chance(RATES["typo"]):
            text = choose.typo(text)
        if choose.chance(0.12):
            text = text.lower()
        label = int(spam != choose.chance(RATES["label_noise"]))
        rows.append((f"S{number:05d}", text, label, int(spam), int(odd)))
    everything = pd.DataFrame(rows, columns=["message_id", "text", "spam", "true_spam", "disguised"])
    second = np.sort(stream(seed, 2).integers(0, 120 * 86_400, N))
    received = pd.DatetimeIndex(pd.Timestamp("2024-09-01") + pd.to_timedelta(second, unit="s")).as_unit("ns")
    everything.insert(1, "received", received)
    numbers = {"rates": RATES, "tails": TAIL, "spam_share": round(float(everything["spam"].mean()), 4)}
    frame = everything[["message_id", "received", "text", "spam"]]
    return Generated(
        {"messages": frame, "truth": everything[["message_id", "true_spam", "disguised"]]}, numbers, seed
    )
