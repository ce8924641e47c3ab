"""A folder as people keep it: every kind of document, and for each a question that only it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.embeddings import OfflineEmbedder
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge import office
from tests.unit.knowledge.test_loaders_documents import PAGE

DOCUMENTS = {
    "班车.txt": "早上七点五十从西丽地铁站发车，晚上六点半返程。".encode("gbk"),
    "会议室.csv": "会议室,楼层,容纳人数\n松风,12,6\n听泉,15,30\n".encode("gbk"),
    "差旅标准.pdf": office.pdf(
        [["差旅标准", "出差住宿标准如下，超出部分自理。"], ["城市 每晚上限", "深圳 450 元", "成都 380 元"]],
        title="差旅标准",
    ),
    "采购制度.docx": office.docx(
        [
            ("h1", "验收"),
            ("p", "货到之后七天内由使用部门验收。"),
            ("h1", "预付款"),
            ("p", "预付款不得超过合同金额的三成。"),
        ]
    ),
    "roadmap.pptx": office.pptx([("Next year", "The solar sensor ships in October.", "Budget: 2 million euros")]),
    "预算.xlsx": office.calculated(
        office.xlsx({"市场部预算": [["项目", "金额（万元）"], ["展会", 80], ["广告", 45], ["合计", "=SUM(B2:B3)"]]}),
        "SUM(B2:B3)",
        125,
    ),
    "history.epub": office.epub(
        ["<h1>Founding</h1><p>The firm was founded in a garage in Galway in 2009.</p>"], title="Company history"
    ),
    "保修.html": PAGE.format(charset="gbk").encode("gbk"),
    "notice.eml": office.email("Office closed", "The Dublin office is closed on 27 October because of painting work."),
    "faq.yaml": "- question: 忘记带工牌怎么办\n  answer: 到前台用身份证换一张临时卡，当天有效。\n".encode(),
    "rooms.jsonl": b'{"printer": "Blue Heron", "floor": "third", "toner": "HP 59A"}\n',
}


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, data in DOCUMENTS.items():
        (folder / name).write_bytes(data)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 torn")
    embedder = OfflineEmbedder()
    base = KnowledgeBase(sources=("docs",))
    made = Library({"kb": base}, data_dir=tmp_path / "data", root=tmp_path, embedder=embedder)
    yield made
    await made.close()
    embedder.close()


async def test_each_document_answers_its_question(library: Library) -> None:
    for question, document, says in [
        ("班车早上几点从西丽发车", "班车.txt", "七点五十"),
        ("听泉会议室能坐多少人", "会议室.csv", "30"),
        ("去成都出差住宿每晚上限多少", "差旅标准.pdf", "380 元"),
        ("预付款最多可以付多少", "采购制度.docx", "三成"),
        ("When does the solar sensor ship?", "roadmap.pptx", "October"),
        ("市场部预算合计多少万元", "预算.xlsx", "125"),
        ("Where was the company founded?", "history.epub", "Galway"),
        ("整机保修几年", "保修.html", "三年"),
        ("Why is the Dublin office closed?", "notice.eml", "painting"),
        ("工牌忘带了怎么进公司", "faq.yaml", "临时卡"),
        ("Which toner does the Blue Heron printer need?", "rooms.jsonl", "59A"),
    ]:
        found = await library.search(question, bases=["kb"], limit=3, scope=Scope())
        assert found.passages, question
        best = found.passages[0]
        assert (best.document, says in best.text) == (f"docs/{document}", True), question
    (status,) = await library.status()
    assert status.documents == len(DOCUMENTS)
    assert [document for document, _ in status.failed] == ["docs/broken.pdf"]


async def test_a_page_is_named_where_there_are_pages(library: Library) -> None:
    found = await library.search("去成都出差住宿每晚上限多少", bases=["kb"], limit=1, scope=Scope())
    assert found.passages[0].position == "p. 2"
