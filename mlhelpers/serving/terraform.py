"""Rules for Terraform files that need no provider and no account, with the line of each finding.

Taught in lesson 7.3 (cloud platforms). `terraform validate` knows the attributes of a resource, once its
provider is there. It does not know that a bucket is open, that a role may do anything, or that nobody is told
of the bill.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlhelpers.serving.manifests import Finding

_BUCKET_GUARDS = {
    "aws_s3_bucket_versioning": "versions",
    "aws_s3_bucket_server_side_encryption_configuration": "encryption",
    "aws_s3_bucket_public_access_block": "public access block",
}
# Actions of which AWS knows no narrower resource than all.
_NO_RESOURCE = {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "sts:GetCallerIdentity"}
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64}$|\$\{)")
_SECRET_NAME = re.compile(r"password|secret|token|api_?key|private_key", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")
_ACCOUNT = re.compile(r"(?<![0-9a-f])\d{12}(?![0-9a-f])")
_REFERENCE = re.compile(r"(?:(?:var|local|module)\.[\w-]+|(?:data\.)?(?P<provider>[a-z]+)_\w+\.[\w-]+)")
_LABELS = {"variable": 1, "output": 1, "module": 1, "provider": 1, "resource": 2, "data": 2}
_COSTS_BY_HOUR = ("aws_sagemaker_endpoint", "aws_instance", "aws_ecs_service")


@dataclass(frozen=True)
class _Attribute:
    """One ``name = value`` of a block: its value as it is written, and the texts and dotted names in it."""

    name: str
    line: int
    value: str
    texts: tuple[tuple[int, str], ...]
    dotted: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class _Block:
    """A block with its labels, attributes and the blocks in it."""

    file: str
    line: int
    kind: str
    labels: tuple[str, ...]
    attributes: tuple[_Attribute, ...]
    blocks: tuple[_Block, ...]

    def get(self, name: str) -> _Attribute | None:
        return next((one for one in self.attributes if one.name == name), None)

    def inner(self, kind: str) -> list[_Block]:
        return [block for block in self.blocks if block.kind == kind]

    def walk(self) -> Iterator[_Block]:
        yield self
        for block in self.blocks:
            yield from block.walk()

    def say(self, rule: str, message: str, line: int | None = None) -> Finding:
        return Finding(self.file, line or self.line, rule, message)


def check_terraform(path: str | Path) -> list[Finding]:
    """What is wrong with the Terraform files of a folder, as far as the files alone tell.

    Taught in lesson 7.3. Names are looked up among all files together, so give the folder that is applied as
    a whole. It does not replace ``terraform validate``, which knows the attributes of each resource.

    Parameters
    ----------
    path : str or Path
        A ``.tf`` file, or a folder of them (not below it).

    Returns
    -------
    list of Finding
        By file, line and rule; empty if nothing is found. ``TER001``: no pinned version; ``TER002``: a
        variable without type or description; ``TER003``: a name that is not declared; ``TER004``: a bucket
        without versions, encryption or public access block; ``TER005``: a role that may do too much;
        ``TER006``: an image without digest; ``TER007``: a secret or an account number as text; ``TER008``:
        logs kept for ever; ``TER009``: paid by the hour, and no budget that tells anybody; ``TER010``: no
        tags.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no Terraform file in the folder.
    ValueError
        If a file is no HCL, or a block lacks its name; the message names file and line.
    """
    path = Path(path)
    files = sorted(path.glob("*.tf")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file()]
    if not files:
        raise FileNotFoundError(
            f"there is no Terraform file at {path}; give a .tf file or a folder with some"
        )
    blocks = [block for file in files for block in _read(file)]
    return sorted({finding for rule in _RULES for finding in rule(blocks)})


# --- reading --------------------------------------------------------------------------------------


def _read(file: Path) -> list[_Block]:
    import hcl2
    from lark.exceptions import LarkError

    try:
        source = file.read_text(encoding="utf-8")
        body = hcl2.parses_to_tree(source).children[0]
    except (LarkError, UnicodeDecodeError) as error:
        line = getattr(error, "line", None)
        where = f"{file.name}:{line}" if isinstance(line, int) and line > 0 else file.name
        raise ValueError(f"{where} is no HCL: {str(error).splitlines()[0]}") from error
    return [_block(node, file.name, source) for node in _nodes(body, "block")]


def _nodes(tree, *kinds: str) -> list:
    return [node for node in tree.children if getattr(node, "data", None) in kinds]


def _block(tree, file: str, source: str) -> _Block:
    kind, *labels = (_plain(node, source) for node in _nodes(tree, "identifier", "string"))
    if len(labels) != _LABELS.get(kind, len(labels)):
        raise ValueError(
            f"{file}:{tree.meta.line} is no HCL of Terraform: {kind} needs {_LABELS[kind]} names"
        )
    (body,) = _nodes(tree, "body")
    return _Block(
        file,
        tree.meta.line,
        kind,
        tuple(labels),
        tuple(_attribute(node, source) for node in _nodes(body, "attribute")),
        tuple(_block(node, file, source) for node in _nodes(body, "block")),
    )


def _attribute(tree, source: str) -> _Attribute:
    name, value = tree.children[0], tree.children[-1]
    texts = tuple(
        (node.meta.line, _plain(node, source))
        for node in value.iter_subtrees_topdown()
        if node.data in ("string", "heredoc_template", "heredoc_template_trim")
    )
    dotted = tuple(
        (node.meta.line, _written(node, source))
        for node in value.iter_subtrees_topdown()
        if node.data == "get_attr_expr_term"
    )
    return _Attribute(_plain(name, source), tree.meta.line, _written(value, source), texts, dotted)


def _written(tree, source: str) -> str:
    return source[tree.meta.start_pos : tree.meta.end_pos]


def _plain(tree, source: str) -> str:
    return _written(tree, source).strip('"')


# --- rules ----------------------------------------------------------------------------------------


def _pinned(blocks: Sequence[_Block]) -> Iterator[Finding]:
    settings = [block for block in blocks if block.kind == "terraform"]
    if not any(block.get("required_version") for block in settings):
        where = (settings or blocks)[:1]
        yield from (block.say("TER001", "no required_version of Terraform") for block in where)
    pinned = set()
    for block in settings:
        for provider in (one for inner in block.inner("required_providers") for one in inner.attributes):
            pinned.add(provider.name)
            version = re.search(r'version\s*[=:]\s*"([^"]*)"', provider.value)
            if version is None or not re.search(r"~>|<|^\s*=?\s*\d", version[1]):
                why = f"provider {provider.name} has no upper bound of its version, such as ~> 5.80"
                yield block.say("TER001", why, provider.line)
    for block in blocks:
        if block.kind == "provider" and block.labels[0] not in pinned:
            yield block.say(
                "TER001", f"provider {block.labels[0]} is not in required_providers with a version"
            )


def _variables_told(blocks: Sequence[_Block]) -> Iterator[Finding]:
    for block in blocks:
        for key in ("type", "description"):
            if block.kind == "variable" and block.get(key) is None:
                yield block.say("TER002", f"variable {block.labels[0]} has no {key}")


def _declared(blocks: Sequence[_Block]) -> Iterator[Finding]:
    known = {f"var.{block.labels[0]}" for block in blocks if block.kind == "variable"}
    known |= {f"module.{block.labels[0]}" for block in blocks if block.kind == "module"}
    known |= {f"local.{one.name}" for block in blocks if block.kind == "locals" for one in block.attributes}
    known |= {".".join(block.labels) for block in blocks if block.kind == "resource"}
    known |= {f"data.{'.'.join(block.labels)}" for block in blocks if block.kind == "data"}
    providers = {
        block.labels[0].split("_")[0] for block in blocks if block.kind in ("resource", "data", "provider")
    }
    for block, attribute in _each_attribute(blocks):
        for line, dotted in attribute.dotted:
            found = _REFERENCE.match(dotted)
            # a name with another prefix is one of a loop, such as `rule_set.name`
            if found and found["provider"] in (None, *providers) and found[0] not in known:
                yield block.say("TER003", f"{found[0]} is not declared in these files", line)


def _buckets_guarded(blocks: Sequence[_Block]) -> Iterator[Finding]:
    for bucket in _resources(blocks, "aws_s3_bucket"):
        for kind, what in _BUCKET_GUARDS.items():
            guards = [
                guard
                for guard in _resources(blocks, kind)
                if (of := guard.get("bucket"))
                and re.search(rf"\baws_s3_bucket\.{bucket.labels[1]}\.", of.value)
            ]
            if not guards:
                yield bucket.say("TER004", f"bucket {bucket.labels[1]} has no {what}; add a resource {kind}")
            for guard in guards:
                yield from _guard_off(guard)


def _guard_off(guard: _Block) -> Iterator[Finding]:
    if guard.labels[0] == "aws_s3_bucket_public_access_block":
        for key in (
            "block_public_acls",
            "block_public_policy",
            "ignore_public_acls",
            "restrict_public_buckets",
        ):
            given = guard.get(key)
            if given is None or given.value == "false":
                yield guard.say("TER004", f"{key} is not true", given.line if given else None)
    for block in guard.inner("versioning_configuration"):
        status = block.get("status")
        if status is None or status.value.strip('"') != "Enabled":
            yield block.say(
                "TER004", 'the status of versions is not "Enabled"', status.line if status else None
            )


def _least_privilege(blocks: Sequence[_Block]) -> Iterator[Finding]:
    for block, attribute in _each_attribute(blocks):
        for line, text in attribute.texts:
            if re.search(r"arn:aws[\w-]*:iam::aws:policy/\S*(FullAccess|AdministratorAccess)", text):
                why = f"{text.rsplit('/', 1)[-1]} allows more than a model needs; name actions and resources"
                yield block.say("TER005", why, line)
    statements = [
        (document, statement)
        for document in blocks
        if document.kind == "data" and document.labels[0] == "aws_iam_policy_document"
        for statement in document.inner("statement")
    ]
    for document, statement in statements:
        effect, actions = statement.get("effect"), statement.get("actions")
        if effect is not None and effect.value.strip('"') == "Deny":
            continue
        given = actions.texts if actions else ()
        for line, action in given:
            if "*" in action:
                yield document.say("TER005", f"action {action!r} has a wildcard; name the actions", line)
        resources = statement.get("resources")
        everything = [line for line, text in (resources.texts if resources else ()) if text == "*"]
        narrower = sorted({action for _, action in given} - _NO_RESOURCE)
        if everything and narrower:
            yield document.say(
                "TER005", f"{', '.join(narrower)} on every resource; name its ARN", everything[0]
            )
    for block, attribute in _each_attribute(blocks):
        written = re.findall(r'\bAction"?\s*[=:]\s*(\[[^\]]*\]|"[^"]*")', attribute.value)
        if any("*" in actions for actions in written):
            yield block.say("TER005", "an action with a wildcard; name the actions", attribute.line)


def _digests(blocks: Sequence[_Block]) -> Iterator[Finding]:
    known = {
        f"local.{one.name}": (block, one)
        for block in blocks
        if block.kind == "locals"
        for one in block.attributes
    }
    for block, attribute in _each_attribute(blocks):
        if attribute.name in ("image", "image_uri") and block.kind != "locals":
            where, named = known.get(attribute.value, (block, attribute))
            image = named.value.strip('"')
            if not image.startswith(("var.", "local.")) and not _DIGEST.search(image):
                why = f"image {image!r} has no digest; write name@sha256:..."
                yield where.say("TER006", why, named.line)


def _secrets(blocks: Sequence[_Block]) -> Iterator[Finding]:
    for block, attribute in _each_attribute(blocks):
        named = _SECRET_NAME.search(attribute.name)
        if block.kind == "variable" and attribute.name == "default":
            named = _SECRET_NAME.search(block.labels[0])
        for line, text in attribute.texts:
            if _SECRET_VALUE.search(text) or (named and text and "${" not in text):
                yield block.say("TER007", f"{attribute.name} is a secret as text; read it from a store", line)
            elif _ACCOUNT.search(text):
                why = "an account number as text; take it from data.aws_caller_identity"
                yield block.say("TER007", why, line)


def _logs_end(blocks: Sequence[_Block]) -> Iterator[Finding]:
    for block in _resources(blocks, "aws_cloudwatch_log_group"):
        days = block.get("retention_in_days")
        if days is None or days.value == "0":
            why = f"log group {block.labels[1]} keeps its lines for ever; set retention_in_days"
            yield block.say("TER008", why, days.line if days else None)


def _budget(blocks: Sequence[_Block]) -> Iterator[Finding]:
    paid = [block for kind in _COSTS_BY_HOUR for block in _resources(blocks, kind)]
    budgets = _resources(blocks, "aws_budgets_budget")
    if paid and not budgets:
        yield paid[0].say(
            "TER009", f"{paid[0].labels[0]} is paid by the hour, and there is no aws_budgets_budget"
        )
    for budget in budgets:
        told = [
            inner
            for inner in budget.inner("notification")
            if any(
                (to := inner.get(f"subscriber_{kind}")) and to.value != "[]"
                for kind in ("email_addresses", "sns_topic_arns")
            )
        ]
        if not told:
            yield budget.say("TER009", f"budget {budget.labels[1]} tells nobody; add a notification")


def _tagged(blocks: Sequence[_Block]) -> Iterator[Finding]:
    for block in blocks:
        if block.kind == "provider" and block.labels[0] == "aws":
            tags = [inner for inner in block.inner("default_tags") if inner.get("tags")]
            if not tags:
                yield block.say("TER010", "no default_tags: the bill cannot be split by project or owner")


_RULES: tuple[Callable[[Sequence[_Block]], Iterable[Finding]], ...] = (
    _pinned,
    _variables_told,
    _declared,
    _buckets_guarded,
    _least_privilege,
    _digests,
    _secrets,
    _logs_end,
    _budget,
    _tagged,
)


def _resources(blocks: Iterable[_Block], kind: str) -> list[_Block]:
    return [block for block in blocks if block.kind == "resource" and block.labels[0] == kind]


def _each_attribute(blocks: Iterable[_Block]) -> Iterator[tuple[_Block, _Attribute]]:
    for outer in blocks:
        for block in outer.walk():
            for attribute in block.attributes:
                yield (block, attribute)
