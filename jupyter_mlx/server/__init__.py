"""The server extension: REST routes and events over the project of a Jupyter server."""
