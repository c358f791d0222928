"""``mle bundle``: from a saved model to a signed bundle, and from a bundle to an environment that runs it.

Taught in lessons 6.2 (packaging) and 6.5 (worked example).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.packaging.containers import BASE, PORT
from mlhelpers.packaging.manifest import MANIFEST

if TYPE_CHECKING:
    import pandas as pd

    from mlhelpers.packaging.bundle import Bundle

_REFUSED, _UNREADABLE = 1, 2
_COMMANDS = {"score": "mlhelpers.serving.batch {} INPUT OUTPUT", "serve": "mlhelpers.serving.server {}"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run an action of `mle bundle`.

    Returns
    -------
    int
        0 if the action is done and, of a bundle, all is right; 1 if it is refused, with one line that says
        why; 2 if there is no bundle to be read, or the command line is wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except FileNotFoundError as error:
        print(f"mle bundle {options.action}: {error}", file=sys.stderr)
        return _UNREADABLE
    except (ValueError, OSError, RuntimeError) as error:
        print(f"mle bundle {options.action}: {error}", file=sys.stderr)
        return _REFUSED


def _build(options: argparse.Namespace) -> int:
    from mlhelpers.data.hashing import file_sha256
    from mlhelpers.packaging.build import build_bundle
    from mlhelpers.packaging.bundle import load_bundle, pack_bundle
    from mlhelpers.packaging.formats import TRUSTED_TYPES, load_model
    from mlhelpers.packaging.signature import infer_signature
    from mlhelpers.packaging.signing import signing_key

    for path in (options.model, options.data):
        if not path.is_file():
            raise FileNotFoundError(f"there is no {path}")
    model = load_model(options.model, trusted=(*TRUSTED_TYPES, *(options.trust or ())))
    frame = _table(options.data)
    columns = options.columns.split(",") if options.columns else _columns_of(model, options.model)
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise ValueError(f"{options.data.name} lacks the columns {', '.join(absent)}, which the model reads")
    folder = build_bundle(
        options.folder,
        model=model,
        signature=infer_signature(
            frame[columns], nullable=options.nullable.split(",") if options.nullable else ()
        ),
        example=frame[columns].head(options.example),
        metrics=json.loads(options.metrics.read_text("utf-8")) if options.metrics else {},
        model_card=options.card.read_text("utf-8") if options.card else _empty_card(options),
        data_hash=file_sha256(options.data),
        name=options.name,
        version=options.version,
        classes=options.classes.split(",") if options.classes else None,
        onnx=False if options.no_onnx else None,
        key=signing_key(options.key) if options.key else None,
    )
    made = load_bundle(folder)
    graph = "" if made.session else f"; no ONNX graph: {made.manifest['onnx']['reason']}"
    print(f"{folder.name}: {made.name} {made.version}, {len(columns)} columns, {made.sha256[:12]}{graph}")
    if options.zip:
        print(f"{pack_bundle(folder, options.zip).name}: the same in one file")
    return 0


def _show(options: argparse.Namespace) -> int:
    from mlhelpers.packaging.bundle import load_bundle

    bundle = load_bundle(_there(options.bundle), trusted_keys=options.trusted_key, runtime="onnx")
    facts = _facts(bundle)
    if options.json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
        return 0
    width = max(len(key) for key in facts if key not in ("columns", "files"))
    for key, value in facts.items():
        if key not in ("columns", "files"):
            print(f"{key:<{width}}  {value}")
    for title in ("columns", "files"):
        rows = facts[title]
        print(f"\n{title}")
        widths = {name: max(len(name), *(len(_cell(row[name])) for row in rows)) for name in rows[0]}
        for row in [{name: name for name in rows[0]}, *rows]:
            print("  " + "  ".join(f"{_cell(row[name]):<{widths[name]}}" for name in widths).rstrip())
    return 0


def _verify(options: argparse.Namespace) -> int:
    from mlhelpers.packaging.bundle import load_bundle

    bundle = load_bundle(_there(options.bundle), trusted_keys=options.trusted_key)
    by = "signed by a trusted key" if bundle.signed else "hashes right, no key was asked for"
    rows = len(bundle.example["request"]["rows"])
    told = {"bundle": f"{bundle.name} {bundle.version}", "sha256": bundle.sha256, "signed": bundle.signed}
    if options.json:
        print(json.dumps(told | {"replayed_rows": rows}))
    else:
        print(f"{told['bundle']} {bundle.sha256[:12]}: {by}; {rows} stored answers came out again")
    return 0


def _install(options: argparse.Namespace) -> int:
    from mlhelpers.packaging.bundle import load_bundle
    from mlhelpers.packaging.install import install_bundle

    bundle = load_bundle(_there(options.bundle), trusted_keys=options.trusted_key)
    commands = tuple(options.commands or ("score",))
    python = install_bundle(
        bundle, options.folder, commands=commands, wheels=options.wheels, here=options.here
    )
    python = options.folder / python.relative_to(options.folder.absolute())
    print(f"{bundle.name} {bundle.version} answers in {options.folder}; there run")
    for command in commands:
        print(f"  {python} -m {_COMMANDS[command].format(options.folder / 'bundle')}")
    return 0


def _dockerfile(options: argparse.Namespace) -> int:
    from mlhelpers.packaging.bundle import load_bundle
    from mlhelpers.packaging.containers import lint_dockerfile
    from mlhelpers.packaging.image import write_context

    bundle = load_bundle(_there(options.bundle), trusted_keys=options.trusted_key)
    folder = write_context(bundle, options.folder, lock=options.lock, base=options.base, port=options.port)
    print(f"{folder}: build it with `docker build -t {bundle.name}:{bundle.version} {folder}`")
    try:
        found = lint_dockerfile(folder / "Dockerfile")
    except FileNotFoundError as error:
        print(f"by our rules alone, for {error}")
        found = lint_dockerfile(folder / "Dockerfile", hadolint=False)
    for one in found.itertuples():
        print(f"  Dockerfile:{one.line} {one.rule} {one.why}; {one.repair}")
    return 0


def _facts(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    onnx = manifest["onnx"]
    graph = "yes, the same answers to 1e-06" if onnx["converted"] else f"no: {onnx['reason']}"
    metrics = {key: value for key, value in bundle.metrics.items() if not isinstance(value, dict | list)}
    return {
        "name": bundle.name,
        "version": bundle.version,
        "sha256": bundle.sha256,
        "signed": "by a trusted key" if bundle.signed else "not looked at; give --trusted-key",
        "data": bundle.data_hash,
        "answers": f"{bundle.output['name']}: {bundle.output['description']}"
        + (f" ({', '.join(bundle.classes)})" if bundle.classes else ""),
        "onnx graph": graph,
        "made with": ", ".join(f"{name} {version}" for name, version in manifest["libraries"].items()),
        "metrics": ", ".join(f"{key} {value}" for key, value in metrics.items()) or "none",
        "columns": [
            {
                "column": column["name"],
                "type": column["type"],
                "missing": "allowed" if column["nullable"] else "refused",
                "accepts": _accepts(column),
                "unit": column["unit"],
            }
            for column in bundle.signature
        ],
        "files": [
            {"file": name, "bytes": listed["size"], "sha256": listed["sha256"][:12]}
            for name, listed in sorted(manifest["files"].items())
        ],
    }


def _accepts(column: dict[str, Any]) -> str:
    if column["type"] == "category":
        names = column["categories"]
        return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return f"{column['min']:g} to {column['max']:g}"


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _there(path: Path) -> Path:
    """The path, if there is anything that could be a bundle."""
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}; give the folder or the .zip of a bundle")
    if path.is_dir() and not (path / MANIFEST).exists():
        raise FileNotFoundError(f"{path} holds no {MANIFEST}; it is no bundle")
    return path


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path)
    raise ValueError(f"{path.name} must end in .csv or .parquet")


def _columns_of(model: Any, path: Path) -> list[str]:
    """Columns that a fitted model names itself."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise ValueError(f"the model of {path.name} does not say which columns it reads; give --columns A,B")
    return [str(name) for name in names]


def _empty_card(options: argparse.Namespace) -> str:
    return f"# Model card: {options.name} {options.version}\n\nNothing was written down about this model.\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mle bundle",
        description="Build, show, verify and install bundles. Exit status: 0 right, 1 refused, "
        "2 there is no bundle.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    build = actions.add_parser(
        "build", help="make a bundle of a saved model", description="Make a bundle of a saved model."
    )
    build.add_argument("model", type=Path, metavar="MODEL", help="a .skops file of `save_model`")
    build.add_argument("folder", type=Path, metavar="FOLDER", help="the bundle; replaced if it is one")
    build.add_argument(
        "--data", type=Path, required=True, metavar="FILE", help=".csv or .parquet that it was trained on"
    )
    build.add_argument("--name", required=True)
    build.add_argument("--version", default="1.0.0", help="default: 1.0.0")
    build.add_argument("--columns", metavar="A,B", help="columns the model reads; default: those it names")
    build.add_argument("--classes", metavar="A,B,C", help="names of the model's classes, in its order")
    build.add_argument("--nullable", metavar="A,B", help="columns that may be missing though none is in FILE")
    build.add_argument(
        "--example", type=int, default=3, metavar="N", help="rows kept with answers; default 3"
    )
    build.add_argument("--metrics", type=Path, metavar="JSON")
    build.add_argument("--card", type=Path, metavar="MD", help="the model card")
    build.add_argument("--key", type=Path, metavar="PEM", help="private key that signs it")
    build.add_argument("--trust", action="append", metavar="TYPE", help="type of MODEL to accept too")
    build.add_argument("--no-onnx", action="store_true", help="make no ONNX graph")
    build.add_argument("--zip", type=Path, metavar="ZIP", help="write it into one file too")
    build.set_defaults(run=_build)
    for name, run, text in (
        ("show", _show, "show what is in a bundle"),
        ("verify", _verify, "check hashes, signature and stored answers"),
        ("install", _install, "make an environment in which a bundle answers"),
        ("dockerfile", _dockerfile, "write the build context of a bundle's image"),
    ):
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder or .zip")
        action.add_argument(
            "--trusted-key", action="append", metavar="PUB", help="public key that must have signed it"
        )
        action.set_defaults(run=run)
        if name == "dockerfile":
            action.add_argument("folder", type=Path, metavar="FOLDER", help="new folder of the build context")
            action.add_argument(
                "--lock",
                type=Path,
                default=Path("requirements.lock"),
                metavar="FILE",
                help="requirements with hashes; default: requirements.lock",
            )
            action.add_argument("--base", default=BASE, metavar="IMAGE", help=f"default: {BASE}")
            action.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
        elif name == "install":
            action.add_argument("folder", type=Path, metavar="FOLDER", help="new folder of the environment")
            action.add_argument(
                "--with",
                dest="commands",
                action="append",
                choices=list(_COMMANDS),
                help="what is to run there; repeatable; default: score",
            )
            where = action.add_mutually_exclusive_group()
            where.add_argument(
                "--wheels",
                type=Path,
                metavar="FOLDER",
                help="take packages from here only, without a network",
            )
            where.add_argument(
                "--here", action="store_true", help="borrow the packages of this environment (a rehearsal)"
            )
        else:
            action.add_argument("--json", action="store_true", help="machine-readable output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
