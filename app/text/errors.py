"""What every normaliser here raises when no rule can read a value."""


class InvalidIdentifier(ValueError):
    """The message is a reason for people; it never holds the value, so it may be shown and logged."""
