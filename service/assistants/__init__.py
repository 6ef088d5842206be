"""A shop for assistants: its searches as tools of the Model Context Protocol (MCP)."""
