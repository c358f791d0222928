variable "region" {
  type        = string
  description = "Region in which everything is made; that of the data."
  default     = "eu-central-1"
}

variable "name" {
  type        = string
  description = "Name of the service; begins the name of each thing that is made."
  default     = "churn"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "3 to 21 small letters, digits and hyphens, beginning with a letter."
  }
}

variable "environment" {
  type        = string
  description = "Which of the company's environments this is."

  validation {
    condition     = contains(["test", "production"], var.environment)
    error_message = "test or production."
  }
}

variable "owner" {
  type        = string
  description = "Address that pays for it and is told when the budget is nearly spent."

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+$", var.owner))
    error_message = "An e-mail address."
  }
}

variable "image_digest" {
  type        = string
  description = "Digest of the service's image in the repository; a tag could be given to another image."

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "sha256: and 64 hexadecimal digits."
  }
}

variable "bundle_key" {
  type        = string
  description = "Key of the model's archive in the bucket, such as bundles/churn-1.0.0.tar.gz."

  validation {
    condition     = can(regex("^bundles/[^/]+\\.tar\\.gz$", var.bundle_key))
    error_message = "bundles/ and the name of a .tar.gz file."
  }
}

variable "instance_type" {
  type        = string
  description = "Machine of the endpoint; paid by the hour until the endpoint is deleted."
  default     = "ml.c5.large"

  validation {
    condition     = startswith(var.instance_type, "ml.")
    error_message = "A machine of SageMaker, such as ml.c5.large."
  }
}

variable "instance_count" {
  type        = number
  description = "Machines of the endpoint; two survive the loss of one."
  default     = 1

  validation {
    condition     = var.instance_count >= 1 && var.instance_count <= 4
    error_message = "1 to 4."
  }
}

variable "log_days" {
  type        = number
  description = "Days that logs are kept."
  default     = 30
}

variable "budget_dollars" {
  type        = number
  description = "Dollars a month; the owner is told at 80% spent and at 100% forecast."
  default     = 100

  validation {
    condition     = var.budget_dollars > 0
    error_message = "Above 0."
  }
}
