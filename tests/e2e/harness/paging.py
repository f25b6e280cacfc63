# SPDX-License-Identifier: MIT
"""Follow Link headers to the end, as clients do."""

import re


def next_page(answer):
    """The target of rel="next", relative like every address we give, or None."""
    link = answer.header("Link")
    if link is None:
        return None
    match = re.fullmatch(r'<(/v2/[^>]+)>;\s*rel="?next"?', link)
    assert match, f"not a relative next link\n{answer}"
    return match[1]


def walk(client, path, items, most=None):
    """All items of a paged list, page by page. items takes the list out of a page's JSON; most is a page's limit."""
    pages = []
    while path:
        answer = client.get(path).expect(200)
        page = items(answer.json())
        assert most is None or len(page) <= most, str(answer)
        pages.append(page)
        path = next_page(answer)
        assert page or path is None, f"an empty page with a next one\n{answer}"
        assert len(pages) < 10_000, "the pages never end"
    return pages
