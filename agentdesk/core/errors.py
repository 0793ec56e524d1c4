"""One class per thing a caller can do about an error."""

from __future__ import annotations


class DeskError(Exception):
    """Base of every refusal AgentDesk makes on purpose.

    `code` is for programs, `sentence` is one plain sentence for people that says what to do next, and
    `fields` names the inputs it is about.
    """

    code = "error"
    http_status = 400

    def __init__(self, sentence: str, *, code: str = "", fields: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.code
        self.fields = fields or {}


class Invalid(DeskError):
    """The input is wrong: correct it and send it again."""

    code = "invalid"
    http_status = 422


class Missing(DeskError):
    """What was named does not exist, or the caller may not know that it does."""

    code = "missing"
    http_status = 404


class Forbidden(DeskError):
    """The caller lacks the right: somebody else has to do it."""

    code = "forbidden"
    http_status = 403


class Late(DeskError):
    """The state moved on before the caller acted: look at the present state."""

    code = "late"
    http_status = 409


class ClaimLost(DeskError):
    """Another worker holds the task now (or a person ended it): write nothing more."""

    code = "claim_lost"
    http_status = 409


class ToolError(DeskError):
    """A tool could not do what was asked; the sentence goes back to the model."""

    code = "tool_error"
    http_status = 422
