"""The long jobs: build, rebuild, migrate, and the publishing they share."""
