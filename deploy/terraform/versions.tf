terraform {
  required_version = ">= 1.9, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.80"
    }
  }
  # The state holds what was made: keep it in a bucket of its own with versions, not beside these files.
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = var.name
      environment = var.environment
      owner       = var.owner
      managed_by  = "terraform"
    }
  }
}
