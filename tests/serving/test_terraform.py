"""Each fault of a Terraform file is found by its rule at its line, and the files of deploy/ have none."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mlhelpers.serving.manifests import Finding
from mlhelpers.serving.terraform import check_terraform

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "terraform"
GOOD = "".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.tf")))


def checked(tmp_path, text):
    (tmp_path / "main.tf").write_text(text, encoding="utf-8")
    return check_terraform(tmp_path / "main.tf")


def line_of(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_files_of_the_course_have_no_finding():
    assert check_terraform(FOLDER) == []


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_files_of_the_course_are_formatted():
    ran = subprocess.run(["terraform", "fmt", "-check", "-diff", str(FOLDER)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


FAULTS = [  # rule, what is replaced, by what, a part of the line that is named, a part of the message
    ("TER001", '  required_version = ">= 1.9, < 2.0"\n', "", "terraform {", "no required_version"),
    ("TER001", '      version = "~> 5.80"\n', "", "aws = {", "no upper bound"),
    ("TER001", '"~> 5.80"', '">= 5.80"', "aws = {", "provider aws has no upper bound"),
    ("TER001", "    aws = {\n", "    amazon = {\n", 'provider "aws"', "provider aws is not in required"),
    (
        "TER002",
        '  type        = string\n  description = "Region',
        '  description = "Region',
        'variable "region"',
        "variable region has no type",
    ),
    (
        "TER002",
        '  description = "Days that logs are kept."\n',
        "",
        'variable "log_days"',
        "has no description",
    ),
    ("TER003", "= var.log_days", "= var.log_day", "var.log_day", "var.log_day is not declared"),
    ("TER003", "= local.image\n", "= local.picture\n", "local.picture", "local.picture is not declared"),
    (
        "TER003",
        "role   = aws_iam_role.model.id",
        "role   = aws_iam_role.modle.id",
        "modle",
        "aws_iam_role.modle is not declared",
    ),
    (
        "TER003",
        "${aws_s3_bucket.bundles.arn}",
        "${aws_s3_bucket.bundle.arn}",
        "bundle.arn",
        "aws_s3_bucket.bundle is not declared",
    ),
    (
        "TER003",
        "policy = data.aws_iam_policy_document.model.json",
        "policy = data.aws_iam_policy_document.modell.json",
        "modell",
        "data.aws_iam_policy_document.modell is not declared",
    ),
    (
        "TER004",
        'resource "aws_s3_bucket_versioning" "bundles" {\n  bucket = aws_s3_bucket.bundles.id',
        'resource "aws_s3_bucket_versioning" "bundles" {\n  bucket = "other"',
        'resource "aws_s3_bucket" "bundles"',
        "bucket bundles has no versions",
    ),
    (
        "TER004",
        'resource "aws_s3_bucket_public_access_block"',
        'resource "aws_s3_account_public_access_block"',
        'resource "aws_s3_bucket" "bundles"',
        "no public access block",
    ),
    ("TER004", "block_public_acls       = true", "block_public_acls       = false", "= false", "is not true"),
    (
        "TER004",
        "  restrict_public_buckets = true\n",
        "",
        'resource "aws_s3_bucket_public_access_block"',
        "restrict_public_buckets is not true",
    ),
    ("TER004", '    status = "Enabled"', '    status = "Suspended"', "Suspended", "is not"),
    ("TER005", '["s3:GetObject"]', '["s3:*"]', '"s3:*"', "'s3:*' has a wildcard"),
    (
        "TER005",
        "resources = [data.aws_ecr_repository.service.arn]",
        'resources = ["*"]',
        '    resources = ["*"]\n  }\n'.splitlines()[0],
        "ecr:BatchGetImage, ecr:GetDownloadUrlForLayer on every resource",
    ),
    (
        "TER005",
        "policy = data.aws_iam_policy_document.model.json",
        'policy = "arn:aws:iam::aws:policy/AmazonS3FullAccess"',
        "FullAccess",
        "AmazonS3FullAccess allows more",
    ),
    (
        "TER005",
        "policy = data.aws_iam_policy_document.model.json",
        'policy = jsonencode({ Statement = [{ Action = ["s3:Get", "s3:*"], Resource = local.image }] })',
        "jsonencode",
        "an action with a wildcard",
    ),
    (
        "TER006",
        "}@${var.image_digest}",
        "}:latest",
        "  image     = ",
        "has no digest",
    ),
    (
        "TER006",
        "= local.image\n",
        '= "registry.example/churn:1.0.0"\n',
        "churn:1.0.0",
        "'registry.example/churn:1.0.0' has no digest",
    ),
    (
        "TER007",
        "= local.image\n",
        '= local.image\n    environment = { API_KEY = "' + "AKIA" + 'ABCDEFGHIJKLMNOP" }\n',
        "AKIA",
        "environment is a secret",
    ),
    (
        "TER007",
        "  default     = 30\n",
        '  default     = 30\n}\n\nvariable "db_password" {\n  type = string\n  description = "x"\n'
        '  default = "hunter2"\n',
        "hunter2",
        "default is a secret",
    ),
    (
        "TER007",
        "role   = aws_iam_role.model.id",
        'role   = "arn:aws:iam::123456789012:role/model"',
        "123456789012",
        "an account number",
    ),
    (
        "TER008",
        "  retention_in_days = var.log_days\n",
        "",
        'resource "aws_cloudwatch_log_group"',
        "keeps its lines for ever",
    ),
    ("TER008", "retention_in_days = var.log_days", "retention_in_days = 0", "= 0", "for ever"),
    (
        "TER009",
        'resource "aws_budgets_budget"',
        'resource "aws_budgets_action"',
        'resource "aws_sagemaker_endpoint" "service"',
        "paid by the hour",
    ),
    (
        "TER009",
        "    subscriber_email_addresses = [var.owner]\n",
        "",
        'resource "aws_budgets_budget"',
        "tells nobody",
    ),
    (
        "TER009",
        "subscriber_email_addresses = [var.owner]",
        "subscriber_email_addresses = []",
        'resource "aws_budgets_budget"',
        "tells nobody",
    ),
    ("TER010", "default_tags {", "assume_role {", 'provider "aws"', "no default_tags"),
]


@pytest.mark.parametrize(("rule", "old", "new", "part", "told"), FAULTS)
def test_a_fault_is_found_by_its_rule_at_its_line(tmp_path, rule, old, new, part, told):
    assert old in GOOD
    text = GOOD.replace(old, new)
    found = checked(tmp_path, text)
    assert {one.rule for one in found} == {rule}
    assert any(
        told in one.message and one.line == line_of(text, part) and one.file == "main.tf" for one in found
    ), [str(one) for one in found]


def test_files_are_checked_together(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "all")
    (tmp_path / "all" / "variables.tf").unlink()
    missing = {one.message.split()[0] for one in check_terraform(tmp_path / "all")}
    text = (FOLDER / "variables.tf").read_text(encoding="utf-8")
    assert missing == {f"var.{name}" for name in re.findall(r'^variable "(\w+)"', text, re.MULTILINE)}


def test_what_is_denied_may_have_a_wildcard(tmp_path):
    text = GOOD.replace('["s3:GetObject"]', '["s3:*"]\n    effect = "Deny"')
    assert checked(tmp_path, text) == []


def test_names_of_loops_and_modules_are_no_fault(tmp_path):
    text = GOOD + (
        'module "net" {\n  source = "./net"\n  sets   = [for rule_set in var.owner : rule_set.name]\n'
        '  where  = path.module\n  key    = each.value\n}\noutput "net" {\n  value = module.net.id\n}\n'
    )
    assert checked(tmp_path, text) == []


@pytest.mark.parametrize(
    "text", ["  # var.nothing is only told\n", '  note = "var.nothing"\n', '  note = "a.b $${var.nothing}"\n']
)
def test_what_is_not_computed_is_no_reference(tmp_path, text):
    marker = "  retention_in_days = var.log_days\n"
    assert checked(tmp_path, GOOD.replace(marker, marker + text)) == []


def test_without_a_required_version_a_file_without_settings_is_named(tmp_path):
    found = checked(tmp_path, 'variable "a" {\n  type        = string\n  description = "b"\n}\n')
    assert [str(one) for one in found] == ["main.tf:1 TER001 no required_version of Terraform"]
    assert checked(tmp_path, "# nothing\n") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('resource "a" "b" {\n  x =\n}\n', "main.tf:2 is no HCL"),
        ('resource "a" "b" {\n  x = "open\n}\n', "main.tf:2 is no HCL"),
        ("variable {\n}\n", "main.tf:1 is no HCL of Terraform: variable needs 1 names"),
        ('\nresource "a" {\n}\n', "main.tf:2 is no HCL of Terraform: resource needs 2 names"),
    ],
)
def test_what_is_no_hcl_is_named_with_its_line(tmp_path, text, told):
    with pytest.raises(ValueError, match=told):
        checked(tmp_path, text)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "main.tf").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"main.tf is no HCL"):
        check_terraform(tmp_path)


@pytest.mark.parametrize("name", ["", "none.tf"])
def test_a_place_without_terraform_is_refused(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="there is no Terraform file"):
        check_terraform(tmp_path / name)


def test_findings_have_the_shape_of_those_of_manifests(tmp_path):
    found = checked(tmp_path, GOOD.replace('["s3:GetObject"]', '["s3:*"]'))
    assert all(isinstance(one, Finding) for one in found)
