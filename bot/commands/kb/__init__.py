"""The `/kb` family: knowledge bases, looked after from a chat. One file per concern."""
