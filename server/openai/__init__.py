"""OpenAI's API: a router and its types for each endpoint."""
