"""The generated parts of a page: what stands between `<!-- NAME -->` and `<!-- end -->`."""

from pathlib import Path


def generated_part(page: str, name: str) -> str:
    """The text of the part. Raises ValueError where the page has no such part."""
    return _split(page, name)[1]


def write_generated_part(path: Path, name: str, text: str) -> None:
    """Replaces the part in the file. Raises ValueError where it has no such part, and OSError."""
    before, _, after = _split(path.read_text("utf-8"), name)
    path.write_text(before + text + after, "utf-8")


def _split(page: str, name: str) -> tuple[str, str, str]:
    begin = f"<!-- {name} -->\n"
    before, found, rest = page.partition(begin)
    text, closed, after = rest.partition("<!-- end -->")
    if not found or not closed:
        raise ValueError(f"the page has no part between {begin.strip()} and <!-- end -->")
    return before + begin, text, closed + after
