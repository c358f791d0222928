# A bundle as a SageMaker endpoint (lesson 7.3). First `terraform apply -target=aws_budgets_budget.monthly`, so that
# the alarm is there before the first endpoint; `terraform destroy` ends what is paid by the hour.
data "aws_caller_identity" "current" {}

data "aws_ecr_repository" "service" {
  name = var.name
}

locals {
  full_name = "${var.name}-${var.environment}"
  image     = "${data.aws_ecr_repository.service.repository_url}@${var.image_digest}"
}

# --- bucket of the bundles
resource "aws_s3_bucket" "bundles" {
  bucket = "${local.full_name}-bundles-${data.aws_caller_identity.current.account_id}"
}

resource "aws_s3_bucket_versioning" "bundles" {
  bucket = aws_s3_bucket.bundles.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "bundles" {
  bucket = aws_s3_bucket.bundles.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "bundles" {
  bucket                  = aws_s3_bucket.bundles.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# --- role of the model: read its archive, pull its image, write its log
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_iam_policy_document" "model" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.bundles.arn}/bundles/*"]
  }
  statement {
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [data.aws_ecr_repository.service.arn]
  }
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # this action knows no narrower resource
  }
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.endpoint.arn}:*"]
  }
}

resource "aws_iam_role" "model" {
  name               = "${local.full_name}-model"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "model" {
  name   = "least-privilege"
  role   = aws_iam_role.model.id
  policy = data.aws_iam_policy_document.model.json
}

# --- endpoint
resource "aws_cloudwatch_log_group" "endpoint" {
  name              = "/aws/sagemaker/Endpoints/${local.full_name}"
  retention_in_days = var.log_days
}

resource "aws_sagemaker_model" "service" {
  name_prefix        = "${local.full_name}-"
  execution_role_arn = aws_iam_role.model.arn

  primary_container {
    image          = local.image
    model_data_url = "s3://${aws_s3_bucket.bundles.bucket}/${var.bundle_key}"
  }

  lifecycle {
    create_before_destroy = true
  }
  depends_on = [aws_iam_role_policy.model] # without its policy the role cannot read the archive
}

resource "aws_sagemaker_endpoint_configuration" "service" {
  name_prefix = "${local.full_name}-"

  production_variants {
    variant_name           = "champion"
    model_name             = aws_sagemaker_model.service.name
    instance_type          = var.instance_type
    initial_instance_count = var.instance_count
  }

  lifecycle {
    create_before_destroy = true # an endpoint is moved to a new configuration, never left without one
  }
}

resource "aws_sagemaker_endpoint" "service" {
  name                 = local.full_name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.service.name
  depends_on           = [aws_cloudwatch_log_group.endpoint] # else SageMaker makes a group that keeps logs for ever
}

# --- budget of the whole account, so that what nobody tagged is counted as well
resource "aws_budgets_budget" "monthly" {
  name         = "${local.full_name}-monthly"
  budget_type  = "COST"
  limit_amount = tostring(var.budget_dollars)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  notification {
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    notification_type          = "ACTUAL"
    subscriber_email_addresses = [var.owner]
  }

  notification {
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    notification_type          = "FORECASTED"
    subscriber_email_addresses = [var.owner]
  }
}
