"""Words that every part of the program puts alike."""


def counted(count: int, noun: str) -> str:
    """`1 object`, `2,000 objects`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
