"""HTTP, command line and web page: the only place that reads the environment, prints or exits."""
