"""Telegram: polling or webhook, private chats, groups and topics."""
