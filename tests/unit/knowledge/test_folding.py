from hypothesis import given
from hypothesis import strategies as some

from knowledge.embeddings import OfflineEmbedder
from knowledge.retrieval.folding import calm, simplified
from knowledge.retrieval.highlighting import spans
from knowledge.retrieval.words import terms


def test_traditional_characters_are_read_as_simplified() -> None:
    assert simplified("國慶節加班，工資怎麼算") == "国庆节加班，工资怎么算"
    assert terms("員工宿舍") == terms("员工宿舍")
    assert spans("加班的薪資", "加班薪资") == [(0, 2), (3, 5)]


@given(some.text(some.characters(min_codepoint=0x3400, max_codepoint=0x9FFF) | some.characters(max_codepoint=0x7F)))
def test_every_character_keeps_its_place(text: str) -> None:
    assert len(simplified(text)) == len(text)


def test_a_sentence_in_capitals_is_read_in_small_letters_and_an_acronym_is_not() -> None:
    assert calm("HOW MANY DAYS OF LEAVE DO I GET?") == "how many days of leave do i get?"
    for text in ("VPN", "API KEY", "怎么用 VPN", "HR asks for the ID"):
        assert calm(text) == text


async def test_another_way_of_writing_is_no_other_question() -> None:
    embedder = OfflineEmbedder()
    try:
        vectors = await embedder.embed(["國慶節加班工資", "国庆节加班工资", "HOW MANY DAYS OFF", "how many days off"])
    finally:
        embedder.close()
    assert vectors[0] == vectors[1]
    assert vectors[2] == vectors[3]
