"""The one place where the course calls the data stage: `mle data ...` and the data check of `mle doctor`.

Thin: every word of output beyond a table comes from `mlhelpers.data`.
"""

from __future__ import annotations


def data_problems() -> list[str]:
    """What is wrong with the data files, one line each; empty when they are as the catalog says.

    Returns
    -------
    list of str

    Raises
    ------
    ModuleNotFoundError
        If this installation has no `mlhelpers.data`.
    """
    import mlhelpers.data

    try:
        mlhelpers.data.verify()
    except (ValueError, OSError) as error:
        return str(error).splitlines()
    return []


def command(args) -> int:
    """Run the subcommands `mle data ...`."""
    import mlhelpers.data

    return globals()[f"_{args.action}"](mlhelpers.data, args)


def _list(data, args) -> int:
    print(data.list_datasets().to_string(index=False))
    return 0


def _describe(data, args) -> int:
    print(data.describe(args.name))
    return 0


def _verify(data, args) -> int:
    print(f"{len(data.verify())} files are as the catalog says")
    return 0


def _fetch(data, args) -> int:
    print(data.fetch(args.name))
    return 0


def _sources(data, args) -> int:
    return _paths(data.write_sources(args.name, args.folder))


def _build(data, args) -> int:
    return _paths(data.build(args.name, args.folder))


def _paths(written) -> int:
    for name, path in written.items():
        print(f"{name}: {path}")
    return 0
