"""Which base an action is about, and with whose rights it looks."""

from __future__ import annotations

import difflib

from bot.commands.base import Call, Reply
from bot.commands.kb.options import Asked
from bot.commands.kb.wording import button, code
from channels.types import Action
from knowledge.types import Access, Scope

NO_BASES_ZH = """还没有配置知识库。请在 `parley.yaml` 中加入：

```yaml
knowledge:
  docs: {}
```

并在助手文件（`assistants/*.yaml`）中加入：

```yaml
knowledge: {bases: [docs]}
```

保存后立即生效，然后再发一次。"""
NO_BASES_EN = """No knowledge base is configured. Add this to `parley.yaml`:

```yaml
knowledge:
  docs: {}
```

and this to the assistant's file (`assistants/*.yaml`):

```yaml
knowledge: {bases: [docs]}
```

It takes effect once saved; then send your message again."""


def scope_of(call: Call) -> Scope:
    """Return whose rights count: the asker's; in a group only what everyone who reads along may see."""
    audience = None if call.message.private else frozenset[str]()
    return Scope(roles=call.principal.roles, conversation=call.conversation, audience_roles=audience)


def known(call: Call) -> list[str]:
    """Return the bases that may be named here; in a group only those that everyone may know of."""
    names = list(call.services.library().names)
    return names if call.message.private else [name for name in names if _permits(call, name)]


def own(call: Call) -> list[str]:
    """Return the bases that the assistant of this conversation answers from; all of them where it has none."""
    names = known(call)
    return [name for name in call.assistant.knowledge.bases if name in names] or names


def chosen(call: Call, asked: Asked) -> str | Reply:
    """Return the base to work on; where several are possible, the question which one, with buttons."""
    names = known(call)
    if not names:
        return Reply(content=call.text(NO_BASES_ZH, NO_BASES_EN))
    if asked.base:
        return _named(call, asked.base, names)
    mine = own(call)
    if len(mine) == 1:
        return mine[0]
    content = call.text("用哪个知识库？", "Which knowledge base?")
    return Reply(content=content, actions=_buttons(call, mine))


def first(call: Call, asked: Asked) -> str | Reply:
    """Return the base that was named, or the assistant's first one, where asking would lose what was sent along."""
    names = own(call)
    return chosen(call, asked) if asked.base or not names else names[0]


def several(call: Call, asked: Asked) -> list[str] | Reply:
    """Return the base that was named, or all that the assistant answers from."""
    if asked.base or not known(call):
        one = chosen(call, asked)
        return one if isinstance(one, Reply) else [one]
    return own(call)


def unused(call: Call, base: str) -> str:
    """Return a hint where the assistant of this conversation does not answer from a base; "" where it does."""
    if base in call.assistant.knowledge.bases:
        return ""
    name = call.assistant.name
    return call.text(
        f"\n\nℹ️ 助手 **{name}** 不使用知识库 {code(base)}：请把它加入助手文件的 `knowledge.bases`，"
        "或用 /use 换一个助手。",
        f"\n\nℹ️ **{name}** does not answer from {code(base)}: add it to `knowledge.bases` in the assistant's file, "
        "or choose another assistant with /use.",
    )


def _named(call: Call, wanted: str, names: list[str]) -> str | Reply:
    found = next((name for name in names if name.casefold() == wanted.casefold()), None)
    if found is not None:
        return found
    close = difflib.get_close_matches(wanted, names, n=3) or names
    content = call.text(
        f"没有名为 {code(wanted)} 的知识库。可用的有：", f"There is no knowledge base {code(wanted)}. There are: "
    ) + call.text("、", ", ").join(map(code, names))
    return Reply(content=content, actions=_buttons(call, close))


def _buttons(call: Call, names: list[str]) -> tuple[Action, ...]:
    """Let each button repeat the command; the last `base=` counts."""
    return tuple(button(call, name, f"{call.arguments} base={name}") for name in names[:8])


def _permits(call: Call, name: str) -> bool:
    settings = call.services.configuration().settings.knowledge[name]
    return Access(roles=frozenset(settings.roles), conversations=frozenset(settings.conversations)).permits(
        scope_of(call)
    )
