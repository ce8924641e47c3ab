import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.limits import measure
from channels.markup.markdown import parse_markdown
from channels.markup.styled import Span, StyledText
from channels.telegram.html import plain, render
from tests.simulators.bot_api.text import ParseError, forbidden_nesting, parse_html

PIECES = st.sampled_from(
    [
        *"*_~`[]()<>#|!\\&-+>=: \n\t",
        "**",
        "```",
        "```py\n",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "a",
        "你好",
        "👩‍👩‍👧",
        "</b>",
        "<b>",
        "&lt;",
        "&#0;",
        "[x](https://e.com/\"'<&)",
        "[x](tg://user?id=1)",
        "![i](u)",
        "<https://e.com>",
        "|a|b|\n|-|-|\n|c|d|\n",
        "# ",
        "\ud83d",
        "\x00",
        "\u200d",
    ]
)
MARKDOWN = st.lists(PIECES, max_size=60).map("".join)
STYLES = st.sampled_from(["quote", "link", "bold", "italic", "strike", "code", "pre"])


@st.composite
def styled_texts(draw: st.DrawFn) -> StyledText:
    text = draw(st.text("ab <>&\"'\n你😀", min_size=1, max_size=40))
    spans = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(text) - 1))
        value = draw(st.sampled_from(["", 'https://e.com/?a="&b=<', "py", "c++", 'x" onclick="']))
        spans.append(Span(start, draw(st.integers(start + 1, len(text))), draw(STYLES), value))
    return StyledText(text, tuple(spans))


@given(MARKDOWN)
@example("*a ~~b* c~~ `d*` **")
@example("> ```\n> x\n> ```\n> y")
def test_whatever_the_markdown_telegram_parses_it_back_to_the_same_text(source: str) -> None:
    styled = parse_markdown(source)
    text, entities = parse_html(render(styled))
    assert text == styled.text
    assert not forbidden_nesting(entities)


@given(styled_texts())
def test_whatever_the_styles_the_tags_balance_and_no_text_is_lost(styled: StyledText) -> None:
    text, entities = parse_html(render(styled))
    assert text == styled.text
    assert plain(render(styled)) == styled.text
    assert not forbidden_nesting(entities)


@given(MARKDOWN, st.integers(30, 90))
def test_every_part_of_a_split_text_is_valid_and_within_the_limit(source: str, limit: int) -> None:
    for part in parse_markdown(source).split(limit, "utf16"):
        text, _ = parse_html(render(part))
        assert measure(text, "utf16") <= limit
        assert text.strip()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**bold *both***", "<b>bold <i>both</i></b>"),
        ("[a & b](https://e.com/?x=1&y=%22)", '<a href="https://e.com/?x=1&amp;y=%22">a &amp; b</a>'),
        ("```python\n1 < 2\n```", '<pre><code class="language-python">1 &lt; 2</code></pre>'),
        ('```py"onclick\n1\n```', "<pre>1</pre>"),
        ("> quoted", "<blockquote>quoted</blockquote>"),
        ("# A `b`", "<b>A </b><code>b</code>"),
        ("[`code`](https://e.com)", '<a href="https://e.com">code</a>'),
        ("<script>", "&lt;script&gt;"),
    ],
)
def test_styles_become_telegrams_tags(source: str, expected: str) -> None:
    assert render(parse_markdown(source)) == expected


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>你</i>", 'Unmatched end tag at byte offset 6, expected "</b>", found "</i>"'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<div>x</div>", 'Unsupported start tag "div" at byte offset 0'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<a href=>x</a>", None),
        ("<a href>x</a>", 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ('<a href="x>y</a>', "Unclosed start tag at byte offset 0"),
        ("<a href=x/y>z</a>", "Unexpected end of name token at byte offset 8"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<blockquote expandable>x</blockquote>", None),
        ("&nbsp; &copy; &", None),
    ],
)
def test_the_simulated_parser_is_as_strict_as_telegram(source: str, reason: str | None) -> None:
    if reason is None:
        parse_html(source)
        return
    with pytest.raises(ParseError) as caught:
        parse_html(source)
    assert str(caught.value) == reason


def test_the_simulated_parser_counts_in_utf16_units_and_knows_languages() -> None:
    text, entities = parse_html('😀<b>你</b><pre><code class="language-c++">x</code></pre><a href="nonsense">y</a>')
    assert text == "😀你xy"
    assert entities == [
        {"type": "bold", "offset": 2, "length": 1},
        {"type": "pre", "offset": 3, "length": 1, "language": "c++"},
    ]
