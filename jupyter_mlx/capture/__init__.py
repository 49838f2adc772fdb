"""What this process does and where: files, git, packages, resources, secrets."""
