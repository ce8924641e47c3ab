"""The HTTP side: chat page, OpenAI-compatible API, webhooks, health and metrics."""
