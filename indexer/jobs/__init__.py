"""The long jobs: build, rebuild and migrate, and the publishing that they share."""
