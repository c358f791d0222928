output "endpoint" {
  description = "Name to invoke the endpoint by."
  value       = aws_sagemaker_endpoint.service.name
}

output "bucket" {
  description = "Bucket that bundles are uploaded to, below bundles/."
  value       = aws_s3_bucket.bundles.bucket
}

output "role" {
  description = "Role of the model."
  value       = aws_iam_role.model.arn
}
