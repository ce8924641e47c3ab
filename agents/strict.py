"""LangGraph, imported safely: everything that needs it imports this module first.

By default LangGraph's serialiser rebuilds whatever Python type a checkpoint names, which is code execution for whoever
can write to the store. `LANGGRAPH_STRICT_MSGPACK` restricts it to messages and plain values, and is read once, at the
first import.
"""

from __future__ import annotations

import os

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

from langgraph.checkpoint.serde import _msgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph_checkpoint_plainredis import AsyncRedisSaver

__all__ = ["END", "START", "AsyncRedisSaver", "JsonPlusSerializer", "StateGraph"]

if not _msgpack.STRICT_MSGPACK_ENABLED:
    raise ImportError("langgraph was imported before agents.strict: checkpoints would rebuild any type")
