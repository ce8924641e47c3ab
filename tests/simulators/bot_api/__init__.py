"""The parts of the simulated Telegram: parsing, chats, updates, flood control and the methods of the Bot API."""
