"""Text of hosts made harmless: nothing in it steers a terminal, a page or a parser of XML."""


def printable(text: str) -> str:
    """Return text on one line, every character that does not print written as its escape.

    So are control characters, line ends, invisible ones and those that turn the direction of
    writing: a name cannot hide, forge a line or swap what stands beside it. What is left may stand
    in XML 1.0. Markup is not touched.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """Return text of several lines that way, its line ends and tabs kept."""
    return "".join(c if c in "\n\t" else printable(c) for c in text)
