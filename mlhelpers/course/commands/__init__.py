"""The `mle` command and those of its subcommands that are not a topic of their own."""
