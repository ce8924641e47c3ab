"""A canary that one role may see is never found by anybody else, in private, in groups, or as a fixed answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.types import Conversation
from config.settings import DocumentRule, KnowledgeBase
from knowledge.library import Library
from knowledge.types import Access, Scope
from tests.unit.knowledge.parts import WordEmbedder, write

CANARY = "The canary salary is 4711 euros."
FILES = {
    "open.md": "# Pay\n\nPaid on Friday. The salary arrives on time.\n",
    "marked.md": f"---\nroles: hr\n---\n# Pay\n\n{CANARY} Marked.\n",
    "hr/ruled.md": f"# Pay\n\n{CANARY} Ruled.\n",
    "boss.md": f"---\nroles: [hr]\n---\n# Pay\n\n{CANARY} Boss.\n",
    "room.md": f"---\nconversations: telegram:main:42\n---\n# Pay\n\n{CANARY} Room.\n",
}
RULES = (
    DocumentRule(match="*/hr/*", roles=("hr",), tags=("pay",)),
    DocumentRule(match="*boss.md", roles=("boss",)),
)
HR, BOTH = frozenset({"hr"}), frozenset({"hr", "boss"})


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    write(tmp_path / "docs", FILES)
    bases = {
        "kb": KnowledgeBase(sources=("docs",), rules=RULES, threshold=0.0),
        "closed": KnowledgeBase(sources=("docs/open.md",), roles=("hr",), threshold=0.0),
    }
    made = Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    yield made
    await made.close()


async def seen(library: Library, scope: Scope, *, base: str = "kb", tags: tuple[str, ...] = ()) -> set[str]:
    found = await library.search("canary salary euros", bases=[base], limit=20, scope=scope, tags=tags)
    return {passage.document.removeprefix("docs/") for passage in found.passages}


@pytest.mark.parametrize(
    ("scope", "documents"),
    [
        (Scope(), {"open.md"}),
        (Scope(roles=frozenset({"sales"})), {"open.md"}),
        (Scope(roles=HR), {"open.md", "marked.md", "hr/ruled.md"}),
        (Scope(roles=BOTH), {"open.md", "marked.md", "hr/ruled.md", "boss.md"}),
        (Scope(roles=frozenset({"boss"})), {"open.md"}),
        (Scope(conversation="telegram:main:42"), {"open.md", "room.md"}),
        (Scope(roles=BOTH, audience_roles=frozenset()), {"open.md"}),
        (Scope(roles=BOTH, audience_roles=HR), {"open.md", "marked.md", "hr/ruled.md"}),
        (Scope(roles=frozenset(), audience_roles=HR), {"open.md"}),
    ],
)
async def test_only_what_the_scope_may_see(library: Library, scope: Scope, documents: set[str]) -> None:
    assert await seen(library, scope) == documents


async def test_a_base_can_be_closed_as_a_whole(library: Library) -> None:
    assert await seen(library, Scope(), base="closed") == set()
    assert await seen(library, Scope(roles=HR), base="closed") == {"open.md"}


async def test_tags_filter(library: Library) -> None:
    assert await seen(library, Scope(roles=HR), tags=("pay",)) == {"hr/ruled.md"}


async def test_a_second_process_sees_no_more(library: Library, tmp_path: Path) -> None:
    await seen(library, Scope())
    base = {"kb": KnowledgeBase(sources=("docs",), rules=RULES, threshold=0.0)}
    second = Library(base, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    assert await seen(second, Scope()) == {"open.md"}
    await second.close()


async def test_a_fixed_answer_is_given_to_nearly_the_same_question_and_counted(library: Library) -> None:
    base = await library.base("kb")
    number = await base.annotate("When is the salary paid?", "On Fridays.", access=(), author="ann")
    found = await library.answer("salary paid when?", bases=["kb"], scope=Scope())
    assert found is not None
    assert (found.number, found.answer) == (number, "On Fridays.")
    assert await library.answer("May dogs come in?", bases=["kb"], scope=Scope()) is None
    assert [one.hits for one in await base.annotations(Scope())] == [1]
    assert await base.unannotate(number)
    assert await library.answer("When is the salary paid?", bases=["kb"], scope=Scope()) is None


async def test_a_limited_fixed_answer_stays_with_those_it_is_for(library: Library) -> None:
    base = await library.base("kb")
    await base.annotate("What is the salary?", CANARY, access=(Access(roles=HR),), author="ann")
    assert await library.answer("What is the salary?", bases=["kb"], scope=Scope()) is None
    assert (
        await library.answer("What is the salary?", bases=["kb"], scope=Scope(roles=BOTH, audience_roles=frozenset()))
        is None
    )
    assert await base.annotations(Scope()) == []
    found = await library.answer("What is the salary?", bases=["kb"], scope=Scope(roles=HR))
    assert found is not None
    assert found.answer == CANARY


@pytest.mark.parametrize(
    "named", ["telegram:default:-100123", "telegram:default:-100123::", " telegram:default:-100123:"]
)
@pytest.mark.parametrize(
    ("conversation", "within"),
    [
        ({"chat": "-100123"}, True),
        ({"chat": "-100123", "thread": "7"}, True),
        ({"chat": "-100123", "member": "8"}, True),
        ({"chat": "-100123", "thread": "7", "member": "8"}, True),
        ({"chat": "-1001234"}, False),
        ({"chat": "-10012"}, False),
        ({"chat": "-100123:7"}, False),
        ({"chat": "-100123", "account": "second"}, False),
        ({"chat": "-100123", "channel": "web"}, False),
    ],
)
def test_a_limit_names_a_conversation_with_all_that_is_in_it(
    named: str, conversation: dict[str, str], within: bool
) -> None:
    key = Conversation(**{"channel": "telegram", "account": "default", **conversation}).key
    assert Access(conversations=frozenset({named})).permits(Scope(conversation=key)) is within


@pytest.mark.parametrize("named", ["", ":", "::", "telegram", "telegram:default", "telegram:default:", "-100123", "*"])
def test_a_limit_that_names_no_chat_lets_nobody_in(named: str) -> None:
    limit = Access(conversations=frozenset({named}))
    for conversation in ("", "telegram:default:-100123::", "telegram:default:::", named):
        assert not limit.permits(Scope(conversation=conversation))


def test_a_limit_may_name_a_topic_or_a_member_alone() -> None:
    group = {"channel": "telegram", "account": "default", "chat": "-100:1/é"}
    topic, other, member = (
        Conversation(**group, **fields).key for fields in ({"thread": "7"}, {"thread": "70"}, {"member": "7"})
    )
    assert Access(conversations=frozenset({topic})).permits(Scope(conversation=topic))
    assert not Access(conversations=frozenset({topic})).permits(Scope(conversation=other))
    assert not Access(conversations=frozenset({topic})).permits(Scope(conversation=member))
    assert not Access(conversations=frozenset({member})).permits(Scope(conversation=topic))


def test_rights_of_role_and_place_must_both_be_there() -> None:
    limit = Access(roles=HR, conversations=frozenset({"telegram:default:1"}))
    place = "telegram:default:1::"
    assert limit.permits(Scope(roles=HR, conversation=place))
    assert not limit.permits(Scope(roles=HR, conversation="telegram:default:2::"))
    assert not limit.permits(Scope(conversation=place))
    assert not limit.permits(Scope(roles=HR, conversation=place, audience_roles=frozenset()))
