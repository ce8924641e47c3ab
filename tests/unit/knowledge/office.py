"""Makes real documents of every kind for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage


def pdf(pages: Sequence[Sequence[str]], *, title: str = "") -> bytes:
    """Return a PDF whose font maps codes to any Unicode text, as Chinese PDFs do."""
    chars = sorted({char for lines in pages for line in lines for char in line})
    code = {char: at + 1 for at, char in enumerate(chars)}
    mapping = "\n".join(f"<{code[char]:04x}> <{char.encode('utf-16-be').hex()}>" for char in chars)
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(chars)} beginbfchar\n{mapping}\nendbfchar endcmap end end"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{8 + 2 * at} 0 R' for at in range(len(pages)))}] >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [4 0 R]"
        " /ToUnicode 6 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity)"
        " /Supplement 0 >> /FontDescriptor 5 0 R /DW 1000 >>",
        "<< /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800"
        " /Descent 0 /CapHeight 800 /StemV 80 >>",
        f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream",
        f"<< /Title <feff{title.encode('utf-16-be').hex()}> >>",
    ]
    for at, lines in enumerate(pages):
        shown = " T* ".join(f"<{''.join(f'{code[char]:04x}' for char in line)}> Tj" for line in lines)
        content = f"BT /F1 12 Tf 14 TL 50 780 Td {shown} ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {9 + 2 * at} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    data, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size, start = len(objects) + 1, len(data)
    trailer = f"trailer << /Size {size} /Root 1 0 R /Info 7 0 R >>\nstartxref\n{start}\n%%EOF"
    return data + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


def docx(parts: Sequence[tuple[str, object]]) -> bytes:
    """Return a Word document of ("title" | "h1" … | "p", text) and ("table", rows)."""
    import docx as library

    document = library.Document()
    for kind, content in parts:
        if kind == "table":
            rows = content
            assert isinstance(rows, list)
            table = document.add_table(rows=len(rows), cols=len(rows[0]))
            for row, cells in zip(table.rows, rows, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
        elif kind == "title":
            document.add_heading(str(content), 0)
        elif kind.startswith("h"):
            document.add_heading(str(content), int(kind[1]))
        else:
            document.add_paragraph(str(content))
    return _saved(document)


def pptx(slides: Sequence[tuple[str, str, str]]) -> bytes:
    """Return a presentation of (title, text, notes)."""
    import pptx as library

    presentation = library.Presentation()
    for title, text, notes in slides:
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    return _saved(presentation)


def xlsx(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    return _saved(book)


def calculated(data: bytes, formula: str, value: float) -> bytes:
    """Put the value into a formula's cell that a spreadsheet program would have saved there."""
    return rewritten(data, "sheet1.xml", f"<f>{formula}</f><v></v>", f"<f>{formula}</f><v>{value}</v>")


def rewritten(data: bytes, entry: str, old: str, new: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            content = source.read(info).decode("utf-8", "surrogateescape")
            if info.filename.endswith(entry):
                assert old in content
                content = content.replace(old, new)
            target.writestr(info.filename, content.encode("utf-8", "surrogateescape"))
    return out.getvalue()


def encoded(data: bytes, entry: str, text: tuple[str, str], kind: str, encoding: str) -> bytes:
    """Replace a text in an XML entry, put a document type before it, and write the entry in another encoding."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            content = source.read(info)
            if info.filename.endswith(entry):
                body = content.decode("utf-8").partition("?>")[2] or content.decode("utf-8")
                assert text[0] in body
                whole = f'<?xml version="1.0" encoding="{encoding}"?>{kind}{body.replace(*text)}'
                content = whole.encode(encoding)
            target.writestr(info.filename, content)
    return out.getvalue()


def epub(chapters: Sequence[str], *, title: str) -> bytes:
    items = "".join(f'<item id="c{at}" href="c%20{at}.xhtml" media-type="x"/>' for at in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{at}"/>' for at in range(len(chapters)))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )
    entries = {"META-INF/container.xml": container, "OEBPS/book.opf": package}
    entries |= {f"OEBPS/c {at}.xhtml": f"<html><body>{text}</body></html>" for at, text in enumerate(chapters)}
    return zipped(entries)


def zipped(entries: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return out.getvalue()


def email(subject: str, text: str, *, html: str = "") -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "Lin <lin@example.com>", "all@example.com"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    message.add_attachment(b"PK", maintype="application", subtype="zip", filename="plan.zip")
    return message.as_bytes()


def _saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()
