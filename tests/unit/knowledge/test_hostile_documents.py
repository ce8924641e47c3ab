"""What must be refused, and must not take the process with it."""

from __future__ import annotations

import io
import json
import stat
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from knowledge.errors import DocumentRefused
from knowledge.ingest.chunking import chunks
from knowledge.ingest.sources import FILE_BYTES_MAX, SourceFile, read
from knowledge.loaders.apart import ReadingProcess, answer_for
from knowledge.loaders.pdf import PAGES_MAX
from knowledge.loaders.table import apart, loader_for
from tests.unit.knowledge import office

DOCX = office.docx([("p", "text")])
PPTX = office.pptx([("title", "text", "")])
XLSX = office.xlsx({"S": [["text"]]})
EPUB = office.epub(["<p>text</p>"], title="T")
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def with_entry(name: str, content: bytes = b"x", mode: int = 0) -> bytes:
    out = io.BytesIO(DOCX)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as target:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = mode << 16
        target.writestr(info, content)
    return out.getvalue()


def locked(data: bytes) -> bytes:
    """Set the flag of encryption in the first entry of the directory (APPNOTE 4.3.12)."""
    at = data.index(b"PK\x01\x02") + 8
    return data[:at] + bytes([data[at] | 1]) + data[at + 1 :]


def billion_laughs() -> bytes:
    levels = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    return office.rewritten(DOCX, "document.xml", "<w:document", f'<!DOCTYPE x [<!ENTITY l0 "ha">{levels}]><w:document')


def nested_parts(depth: int) -> bytes:
    head = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (at, at) for at in range(depth))
    return head + b"Content-Type: text/plain\r\n\r\ntext"


def nested_aliases() -> bytes:
    levels = "".join(
        f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdef", "bcdefg", strict=True)
    )
    return f"---\na: &a [x]\n{levels}tags: [*g, *g]\n---\ntext\n".encode()


HOSTILE = {
    "a zip bomb": ("a.docx", with_entry("bomb.bin", b"\0" * 60_000_000)),
    "many bombs": ("a.xlsx", office.zipped({f"{at}.bin": bytes(900_000) for at in range(300)})),
    "too many entries": ("a.docx", office.zipped({str(at): "" for at in range(5001)})),
    "a name that leads out": ("a.docx", with_entry("../../etc/cron.d/evil")),
    "a windows name that leads out": ("a.pptx", with_entry("..\\..\\evil.dll")),
    "an absolute name": ("a.epub", with_entry("/etc/passwd")),
    "a symbolic link": ("a.docx", with_entry("link", b"/etc/passwd", stat.S_IFLNK | 0o777)),
    "an external entity": ("a.docx", office.rewritten(DOCX, "document.xml", "<w:document", ENTITY + "<w:document")),
    "an exploding entity": ("a.docx", billion_laughs()),
    "an entity in a book": ("a.epub", office.zipped({"META-INF/container.xml": ENTITY + "<container/>"})),
    "an entity in a sheet": ("a.xlsx", office.zipped({"xl/workbook.xml": (ENTITY + "<x/>").encode("utf-16")})),
    "an entity in slides": (
        "a.pptx",
        office.rewritten(PPTX, "slide1.xml", "<p:sld ", ENTITY + "<p:sld "),
    ),
    "a document type from elsewhere in a book": (
        "a.epub",
        office.zipped(
            {"META-INF/container.xml": '<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1/x">%e;]><container/>'}
        ),
    ),
    "a locked entry": ("a.docx", locked(DOCX)),
    "more pages than there may be": ("a.pdf", office.pdf([["x"]] * (PAGES_MAX + 1))),
    "a million columns": ("a.csv", b",".join([b"x"] * 1_000_000)),
    "more rows than there may be": ("a.csv", b"a,b\n" * 200_001),
    "more lines than there may be": ("a.jsonl", b"1\n" * 200_002),
    "a longer list than there may be": ("a.json", b"[" + b",".join([b"1"] * 200_001) + b"]"),
    "a number without end": ("a.json", b"9" * 1_000_000),
    "deep objects": ("a.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep lists in yaml": ("a.yaml", b"[" * 20_000),
    "deep blocks in yaml": ("a.yaml", b"- " * 20_000 + b"x"),
    "aliases in front matter": ("a.md", nested_aliases()),
    "deep parts of a mail": ("a.eml", nested_parts(3000)),
    "deep comments in a mail's head": ("a.eml", b"From: " + b"(" * 100_000 + b"\n\ntext"),
    "pages that are nothing but depth": ("a.html", b"<div>" * 200_000 + b"text"),
    "no zip at all": ("a.docx", b"MZ\x90\x00"),
    "a zip that is no document": ("a.xlsx", office.zipped({"a.txt": "x"})),
    "an archive in an archive": ("a.zip", office.zipped({"b.zip": office.zipped({"a.md": "x"})})),
    "a torn pdf": ("a.pdf", b"%PDF-1.7\n1 0 obj\n<<"),
    "an endless pdf": ("a.pdf", b"%PDF-1.7\ntrailer << /Root 1 0 R /Prev 9 >>\nstartxref\n9\n%%EOF"),
    "deep json": ("a.json", b"[" * 100_000),
    "nested json": ("a.json", json.dumps({"a": {"b": {}}}).replace("{}", '{"c":' * 60 + "1" + "}" * 60).encode()),
    "yaml aliases": ("a.yaml", b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"),
    "a program": ("a.txt", bytes(range(256)) * 10),
    "an unknown kind": ("a.exe", b"MZ"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_refused(what: str) -> None:
    name, data = HOSTILE[what]
    with pytest.raises(DocumentRefused):
        loader_for(name)(data, name=name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "utf-7", "cp037"])
@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.epub"])
def test_an_entity_reveals_no_file_in_whatever_encoding_it_hides(tmp_path: Path, name: str, encoding: str) -> None:
    canary = tmp_path / "canary"
    canary.write_text("the canary sings", encoding="utf-8")
    entry, tag = {
        "a.docx": ("word/document.xml", "<w:t>text"),
        "a.pptx": ("slides/slide1.xml", "<a:t>text"),
        "a.xlsx": ("xl/sharedStrings.xml", "<t>text"),
        "a.epub": ("c 0.xhtml", "<p>text"),
    }[name]
    whole = {"a.docx": DOCX, "a.pptx": PPTX, "a.xlsx": XLSX, "a.epub": EPUB}[name]
    kind = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{canary.as_uri()}">]>'
    answer = answer_for(office.encoded(whole, entry, (tag, tag + "&e;"), kind, encoding), name)
    assert "canary sings" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.md", "字".encode() + b" \t" * 200_000 + b"x"),
        ("a.md", ("字" + " \t" * 100_000 + "\n").encode() * 2),
        ("a.md", b"[" * 50_000),
        ("a.md", b"*a **a " * 20_000),
        ("a.md", b"<!--" * 200_000 + b"x"),
        ("a.txt", b"x" + b"\n \t" * 300_000 + b"x"),
        ("a.txt", b"." * 1_000_000),
        ("a.csv", b'"' + b"x" * 1_000_000),
        ("a.csv", b",".join([b"x"] * 2000) + b"\n" + b"1\n" * 100_000),
        ("a.html", b"<p>x</p>" + b"<meta " * 300_000),
        ("a.html", b"<p>x" + b" \t" * 500_000 + b"x</p>"),
        ("a.html", b"<table>" + b"<tr><td>x" * 1500 + b"<td>x" * 1500 + b"</table>"),
        ("a.pdf", office.pdf([["1"] * 3000, ["a 1"] * 3000, ["第 " * 2000 + "x"]])),
        ("a.eml", b"Subject: x\n\n" + b"\n \t" * 300_000 + b"x"),
    ],
)
def test_what_is_made_to_take_long_is_read_or_refused_soon(reading: ReadingProcess, name: str, data: bytes) -> None:
    started = time.monotonic()
    with suppress(DocumentRefused):
        chunks(reading.load(data, name=name).blocks, size=700)
    assert time.monotonic() - started < 15, "seconds; minutes where something is not linear"


def test_large_files_are_read_apart_whatever_their_kind() -> None:
    assert not apart("a.md", size=1000)
    assert apart("a.md", size=1_000_000)
    assert apart("a.pdf")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    with pytest.raises(DocumentRefused, match="larger than 50 MB"):
        read(SourceFile("large.txt", path))


def test_html_is_read_without_fetching_or_running_anything() -> None:
    page = b'<p>text of the page</p><script>fetch("http://127.0.0.1:1")</script><img src=x onerror=alert(1)>'
    loaded = loader_for("a.html")(page + b"<iframe src=file:///etc/passwd></iframe>", name="a.html")
    assert [block.text for block in loaded.blocks] == ["text of the page"]


@pytest.fixture(scope="module")
def reading() -> Iterator[ReadingProcess]:
    made = ReadingProcess()
    yield made
    made.close()


def test_a_process_of_its_own_reads_and_refuses_alike(reading: ReadingProcess) -> None:
    for _ in range(2):
        assert reading.load(DOCX, name="a.docx").blocks[0].text == "text"
        with pytest.raises(DocumentRefused, match="bomb"):
            reading.load(HOSTILE["a zip bomb"][1], name="a.docx")


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    impatient = ReadingProcess(timeout_s=1.5)
    endless = b"To: " + b"a@b.c, " * 200_000 + b"\n\nx"
    with pytest.raises(DocumentRefused, match=r"not read in 1\.5 s"):
        impatient.load(endless, name="a.eml")
    impatient._timeout_s = 60
    assert impatient.load(DOCX, name="a.docx").blocks[0].text == "text"
    impatient.close()


def test_a_document_that_fills_the_memory_is_refused_and_the_next_is_read() -> None:
    small = ReadingProcess(memory_bytes=400_000_000)
    with pytest.raises(DocumentRefused, match=r"too complex|out of memory"):
        small.load(b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nx", name="a.eml")
    assert small.load(DOCX, name="a.docx").blocks[0].text == "text"
    small.close()


def test_a_reader_that_dies_is_a_refusal_and_the_next_document_is_read(reading: ReadingProcess) -> None:
    reading.load(DOCX, name="a.docx")
    assert reading._child is not None
    reading._child.kill()
    reading._child.wait()
    assert reading.load(DOCX, name="a.docx").blocks[0].text == "text"
