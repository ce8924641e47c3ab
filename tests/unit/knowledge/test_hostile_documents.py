"""What must be refused, and must not take the process with it."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Iterator

import pytest

from knowledge.errors import DocumentRefused
from knowledge.loaders.apart import ReadingProcess
from knowledge.loaders.table import loader_for
from tests.unit.knowledge import office

DOCX = office.docx([("p", "text")])
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def with_entry(name: str, content: bytes = b"x", mode: int = 0) -> bytes:
    out = io.BytesIO(DOCX)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as target:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = mode << 16
        target.writestr(info, content)
    return out.getvalue()


def billion_laughs() -> bytes:
    levels = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    return office.rewritten(DOCX, "document.xml", "<w:document", f'<!DOCTYPE x [<!ENTITY l0 "ha">{levels}]><w:document')


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


def test_html_is_read_without_fetching_or_running_anything() -> None:
    page = b'<p>text of the page</p><script>fetch("http://127.0.0.1:1")</script><img src=x onerror=alert(1)>'
    loaded = loader_for("a.html")(page + b"<iframe src=file:///etc/passwd></iframe>", name="a.html")
    assert [block.text for block in loaded.blocks] == ["text of the page"]


@pytest.fixture
def reading() -> Iterator[ReadingProcess]:
    made = ReadingProcess()
    yield made
    made.close()


def test_a_process_of_its_own_reads_and_refuses_alike(reading: ReadingProcess) -> None:
    for _ in range(2):
        assert reading.load(DOCX, name="a.docx").blocks[0].text == "text"
        with pytest.raises(DocumentRefused, match="bomb"):
            reading.load(HOSTILE["a zip bomb"][1], name="a.docx")


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read(reading: ReadingProcess) -> None:
    impatient = ReadingProcess(timeout_s=0.0)
    with pytest.raises(DocumentRefused, match="not read in"):
        impatient.load(DOCX, name="a.docx")
    impatient._timeout_s = 30
    assert impatient.load(DOCX, name="a.docx").blocks[0].text == "text"
    impatient.close()


def test_a_reader_that_dies_is_a_refusal_and_the_next_document_is_read(reading: ReadingProcess) -> None:
    reading.load(DOCX, name="a.docx")
    assert reading._child is not None
    reading._child.kill()
    reading._child.wait()
    assert reading.load(DOCX, name="a.docx").blocks[0].text == "text"
