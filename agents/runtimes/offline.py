"""The offline model: no language model at all. It quotes the best sentences of what was found, and says so.

Deterministic: the same question and passages give the same answer. A sentence's score is the share of the question's
terms (words and CJK bigrams, rare ones counting more) that it has, a little for those in its heading, and the score
of its passage.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

from agents.prompts import not_found_text
from agents.texts import courtesy, say
from agents.types import Delta, Language, Prompt, Reply, RuntimeEvent, Turn, TurnContext
from knowledge.retrieval.words import terms
from knowledge.types import Passage

NAME = "offline"
SENTENCES = 3
ENOUGH = 0.4
"""A further sentence is quoted when it scores at least so much of the best one's score."""
OWN_ENOUGH = 0.4
"""… and when it has so much of the best one's share of the question's terms."""
HEADING_WEIGHT = 0.4
PASSAGE_WEIGHT = 0.6
OTHER_LANGUAGE = 0.5
"""What a passage in another language than the question's counts, when there is one in the same."""
DELTA_CHARACTERS = 40

_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[A-Za-z]")
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+•]|\d+[.)、]|#))")
_MARKUP = re.compile(r"^\s*(?:[-*+•]\s+|\d+[.)、]\s*|>\s*)")
_SENTENCE = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+(?=\S)")
_RULE = re.compile(r"\s*\|?[\s:|-]*-{2,}[\s:|-]*")
"""The line under a table's head."""
_ROW = "- "
_WRAP = re.compile(r"\s*\n\s*")
_BETWEEN_HAN = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])")


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    passage: int
    place: int
    score: float
    own: float
    """The share of the question's terms in the sentence itself."""


class OfflineRuntime:
    """Answers with sentences of the passages, each with its reference, in the question's language where it can."""

    async def run(self, prompt: Prompt, turn: Turn, context: TurnContext) -> AsyncGenerator[RuntimeEvent, None]:
        """Yield the answer in a few deltas; see `Runtime.run`. It never fails."""
        text = answer(prompt, turn)
        for start in range(0, len(text), DELTA_CHARACTERS):
            yield Delta(text=text[start : start + DELTA_CHARACTERS])
        yield Reply(text=text, model=NAME)


def answer(prompt: Prompt, turn: Turn) -> str:
    """Return the whole answer: excerpts, or that there are none."""
    language = turn.language
    question = prompt.messages[-1].text
    kind = courtesy(question)
    if kind == "thanks":
        return say("offline_thanks", language)
    if kind == "greeting":
        return f"{_hello(turn)}\n\n{say('offline_not_found', language)}"
    if not turn.assistant.knowledge.bases:
        return f"{say('offline_no_base', language)}\n\n{say('offline_not_found', language)}"
    chosen = (
        best_sentences(prompt.question or question, prompt.passages, language) if prompt.coverage != "not_found" else []
    )
    if not chosen:
        return f"{not_found_text(turn)}\n\n{say('offline_not_found', language)}"
    hedge = f"{say('offline_partly', language)}\n\n" if prompt.coverage == "partly" else ""
    return f"{hedge}{_quoted(chosen, language)}\n\n{say('offline_note', language)}"


def _quoted(chosen: Sequence[_Sentence], language: Language) -> str:
    """The sentences, each with its reference; those of one passage in one paragraph."""
    joint = "" if language == "zh" else " "
    paragraphs: dict[int, list[str]] = {}
    for sentence in chosen:
        paragraphs.setdefault(sentence.passage, []).append(f"{sentence.text}{joint}[{sentence.passage + 1}]")
    return "\n\n".join(joint.join(paragraph) for paragraph in paragraphs.values())


def best_sentences(question: str, passages: Sequence[Passage], language: Language) -> list[_Sentence]:
    """Return up to three sentences that answer best, in the order in which they stand in the passages."""
    wanted = Counter(terms(question))
    same = [_language(passage.text) == language for passage in passages]
    known = [set(terms(f"{passage.position} {passage.text}")) for passage in passages]
    weights = {term: 1.0 + math.log(len(passages) / (1 + sum(term in words for words in known)) + 1) for term in wanted}
    found: list[_Sentence] = []
    for number, passage in enumerate(passages):
        factor = 1.0 if same[number] or not any(same) else OTHER_LANGUAGE
        heading = _overlap(weights, f"{passage.title} {passage.position}") * HEADING_WEIGHT
        for place, text in enumerate(sentences(passage.text)):
            own = _overlap(weights, text)
            score = own + heading + passage.score * PASSAGE_WEIGHT
            found.append(_Sentence(text, number, place, score * factor, own))
    found.sort(key=lambda one: (-one.score, one.passage, one.place))
    # A sentence that only stands beside the right ones ("applies to all offices") says nothing of its own.
    saying = [one for one in found if one.own >= found[0].own * OWN_ENOUGH]
    best = [one for one in saying[:SENTENCES] if one.score >= found[0].score * ENOUGH]
    first = best[0].passage if best else 0
    best = [one for one in best if one.passage == first or one.score >= best[0].score * 0.7]
    return sorted(best, key=lambda one: (one.passage != first, one.passage, one.place))


def sentences(text: str) -> list[str]:
    """Return the sentences of a Markdown text, without headings and list marks; wrapped lines are joined."""
    return [sentence for block in _BLOCK.split(_without_tables(text)) for sentence in _sentences_of(block)]


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, or an empty text."""
    return next(iter(sentences(text)), "")


def _sentences_of(block: str) -> Iterator[str]:
    lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
    joined = _BETWEEN_HAN.sub("", _WRAP.sub(" ", _MARKUP.sub("", "\n".join(lines))).strip())
    for sentence in _SENTENCE.split(joined):
        if sentence.strip():
            yield sentence.strip()


def _without_tables(text: str) -> str:
    """Each row of a table becomes a line of its own, its cells joined; heads and rules are left out."""
    kept: list[str] = []
    for line in text.splitlines():
        if _RULE.fullmatch(line):
            if kept and kept[-1].startswith(_ROW):
                kept.pop()
        elif line.lstrip().startswith("|"):
            kept.append(_ROW + " · ".join(cell.strip() for cell in line.strip().strip("|").split("|")))
        else:
            kept.append(line)
    return "\n".join(kept)


def _overlap(weights: dict[str, float], text: str) -> float:
    total = sum(weights.values())
    if not total:
        return 0.0
    present = set(terms(text))
    return sum(weight for term, weight in weights.items() if term in present) / total


def _language(text: str) -> Language:
    han = len(_HAN.findall(text))
    return "zh" if han * 3 > len(_LETTER.findall(text)) else "en"


def _hello(turn: Turn) -> str:
    questions = turn.assistant.questions
    quoted = " / ".join(f"“{question}”" for question in questions)
    examples = say("offline_examples", turn.language, questions=quoted) if quoted else ""
    return say("offline_hello", turn.language, examples=examples).strip()
