"""A folder as people keep it: for every kind of document a question that only it answers, asked over the web chat.

The two PDFs and the web page in `documents/` are what they would be elsewhere: Chromium printed the PDFs, with the
fonts in them (in the Chinese one as Type 3, with radicals in the place of characters), the second in two columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.running import Running, running, visitor
from tests.unit.knowledge import office

READY_MADE = Path(__file__).parent / "documents"
SETTINGS = "knowledge: {house: {sources: [docs]}}\n"
ASSISTANT = """
name: helper
prompt: You are a test.
follow_ups: {enabled: false}
knowledge: {bases: [house], strict: true}
"""


def offer() -> bytes:
    """A mail with a Word document, a table in GBK, a mail within the mail and an archive."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Quotation", "Ida <ida@example.com>", "all@example.com"
    message.set_content("Dear all,\n\nplease find the quotation for the greenhouse attached.\n\nIda")
    document = office.docx([("h1", "Delivery"), ("p", "The greenhouse is delivered in eleven crates by barge.")])
    message.add_attachment(document, maintype="application", subtype="octet-stream", filename="offer.docx")
    prices = "品名,单价\n温室玻璃,88\n通风窗,213\n".encode("gbk")
    message.add_attachment(prices, maintype="text", subtype="csv", filename="价格表.csv")
    inner = EmailMessage()
    inner.set_content("The canary of the inner mail is called Pepe.")
    message.add_attachment(inner)
    message.add_attachment(b"PK", maintype="application", subtype="zip", filename="plans.zip")
    return message.as_bytes()


DOCUMENTS = {
    "班车.txt": "上班：早上七点五十从西丽地铁站 B 口发车。\n\n下班：晚上六点半在南门返程，周五提前到五点半。".encode(
        "gbk"
    ),
    "会议室.csv": "会议室,楼层,容纳人数\n松风,12,6\n听泉,15,30\n观澜,15,12\n".encode("gbk"),
    "采购制度.docx": office.docx(
        [
            ("title", "采购制度"),
            ("h1", "验收"),
            ("p", "货到之后七天内由使用部门验收。"),
            ("h1", "付款"),
            ("h2", "预付款"),
            ("p", "预付款不得超过合同金额的三成。"),
            ("h2", "审批权限"),
            ("table", [["合同金额", "审批人"], ["十万元以下", "部门负责人"], ["十万元以上", "财务总监"]]),
        ]
    ),
    "roadmap.pptx": office.pptx(
        [
            ("This year", "The indoor sensor gets a new housing.", ""),
            ("Next year", "The solar sensor ships in October.", "The launch party is in the boathouse."),
        ]
    ),
    "预算.xlsx": office.calculated(
        office.xlsx(
            {
                "市场部预算": [["项目", "金额（万元）"], ["展会", 80], ["广告", 45], ["合计", "=SUM(B2:B3)"]],
                "Overtime": [["Team", "Hours"], ["Foundry", 340], ["Paint shop", 95]],
            }
        ),
        "SUM(B2:B3)",
        125,
    ),
    "油耗.xlsx": office.xlsx({"油耗": [["车牌", "里程", "每百公里油耗"], ["粤B12345", 800, "=B2/100*7"]]}),
    "history.epub": office.epub(
        [
            "<h1>Founding</h1><p>The firm was founded in a garage in Galway in 2009.</p>",
            "<h1>The flood</h1><p>In 2014 a flood ruined the workshop, and the firm moved to a former mill.</p>",
        ],
        title="Company history",
    ),
    "quotation.eml": offer(),
    "faq.yaml": "- question: 忘记带工牌怎么办？\n  answer: 到前台用身份证换一张临时卡，当天有效。\n".encode(),
    "printers.jsonl": b'{"printer": "Grey Gull", "toner": "HP 26X"}\n{"printer": "Blue Heron", "toner": "HP 59A"}\n',
    "broken.pdf": b"%PDF-1.7 torn",
}
ASKED = [
    ("班车早上几点从西丽发车？", "班车.txt", "", "七点五十"),
    ("When does the shuttle bus leave Xili in the morning?", "班车.txt", "", "七点五十"),
    ("听泉会议室能坐多少人？", "会议室.csv", "", "听泉 · 15 · 30"),
    ("成都住宿每晚上限是多少元？", "travel.pdf", "p. 2", "成都 · 380"),
    ("出差可以坐飞机吗？", "travel.pdf", "p. 1", "飞机经济舱"),
    ("May I fly on a business trip?", "travel.pdf", "p. 1", "飞机经济舱"),
    ("How many stations does the gateway in Scarriff serve?", "lough-derg.pdf", "p. 1", "Scarriff fourteen"),
    ("How long will the batteries of the sensors last?", "lough-derg.pdf", "p. 1", "five years"),
    ("预付款最多可以付多少？", "采购制度.docx", "付款 › 预付款", "三成"),
    ("How large may an advance payment be?", "采购制度.docx", "付款 › 预付款", "三成"),
    ("二十万元的合同由谁审批？", "采购制度.docx", "付款 › 审批权限", "财务总监"),
    ("When does the solar sensor ship?", "roadmap.pptx", "Next year · slide 2", "October"),
    ("太阳能传感器什么时候上市？", "roadmap.pptx", "Next year · slide 2", "October"),
    ("Where is the launch party?", "roadmap.pptx", "Next year · slide 2", "boathouse"),
    ("市场部预算合计多少万元？", "预算.xlsx", "市场部预算", "合计 · 125"),
    ("How many hours of overtime did the paint shop have?", "预算.xlsx", "Overtime", "Paint shop · 95"),
    ("粤B12345 每百公里油耗是多少？", "油耗.xlsx", "油耗", "=B2/100*7"),
    ("Where was the company founded?", "history.epub", "Founding", "Galway"),
    ("公司是在哪里创立的？", "history.epub", "Founding", "Galway"),
    ("Why did the firm move to a mill?", "history.epub", "The flood", "flood"),
    ("整机保修几年？", "warranty.html", "期限", "保修三年"),
    ("How long is the warranty of the compressor?", "warranty.html", "期限", "压缩机和电路板保修五年"),
    ("武汉的报修电话是多少？", "warranty.html", "凭证", "8227"),
    ("Who sent the quotation for the greenhouse?", "quotation.eml", "", "quotation for the greenhouse"),
    ("How many crates does the greenhouse come in?", "quotation.eml", "offer.docx › Delivery", "eleven crates"),
    ("通风窗的单价是多少？", "quotation.eml", "价格表.csv", "213"),
    ("工牌忘带了怎么进公司？", "faq.yaml", "忘记带工牌怎么办？", "临时卡"),
    ("Which toner does the Blue Heron need?", "printers.jsonl", "#2", "59A"),
]
NOWHERE = ["统计数据保存多少个月？", "你们使用 Cookie 吗？", "What is the canary of the inner mail called?"]


async def asked(parley: Running, question: str) -> tuple[str, Sequence[tuple[str, str]]]:
    """Return the text of the answer, and the (source, position) of each of its citations."""
    async with visitor(parley) as anna:
        answer = await anna.ask(question, timeout_s=60)
        return answer["content"], [(one["source"], one.get("position", "")) for one in answer.get("citations", ())]


@pytest.mark.timeout(120)
async def test_each_document_answers_its_question_with_the_right_citation(
    tmp_path: Path, redis: Redis, valkey_url: str
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, data in DOCUMENTS.items():
        (folder / name).write_bytes(data)
    for path in READY_MADE.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    async with running(tmp_path, valkey_url=valkey_url, settings=SETTINGS, assistants={"helper": ASSISTANT}) as parley:
        await asked(parley, "hello")
        told = [await asked(parley, question) for question, *_ in ASKED]
        wrong = [
            (question, text, cited)
            for (question, document, position, says), (text, cited) in zip(ASKED, told, strict=True)
            if says not in text or cited[:1] != [(f"docs/{document}", position)]
        ]
        assert wrong == []
        assert [cited for _, cited in [await asked(parley, question) for question in NOWHERE]] == [[], [], []]
        assert parley.app.brain is not None
        status = next(one for one in await parley.app.brain.library.status() if one.name == "house")
        assert [document for document, _ in status.failed] == ["docs/broken.pdf"]
        assert status.documents == len(list(folder.iterdir())) - 1
