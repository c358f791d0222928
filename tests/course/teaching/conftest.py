"""A written lesson of a small course."""

import pytest

PLAIN = """# 1.1 What it is

We look at it.

30 min · none · helpers: none · [![Binder](badge.svg)](https://mybinder.org)

## What you will learn

- See it
- Say it

## Map

The map shows two parts.

```mermaid
mindmap
  root((It))
    One
      Leaf
    Two
```

## The question

What is it that we look at, and why do we look at it? Nobody knows."""
READING = """The result is two, as everybody expected before it was computed. It is even.

Next we draw."""
END = """## Check yourself

1. Why?

<details><summary>Answer</summary>

Because.

</details>

## Exercise

[Exercise](x.ipynb)

## Summary

- It is $x^2$.

## References

- A book.

## Next

Nothing."""


@pytest.fixture
def lesson(course, cells, store):
    return store(
        course / "notebooks" / "01_foundations" / "01_what_it_is.ipynb",
        [
            cells.text(PLAIN),
            cells.code("x = 2\nassert x == 2\nprint(x)", "2\n"),
            cells.text(READING),
            cells.code("assert x\nassert x > 1"),
            cells.code("draw(x)", cells.figure(40, 40), alt="A gray square"),
            cells.text("The square is gray."),
            cells.text(END),
        ],
    )
