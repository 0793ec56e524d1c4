"""From what the model wrote to what may run: parsed once, strictly, canonicalised and hashed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agentdesk.core.canonical import digest, parse_object
from agentdesk.core.errors import Invalid
from tools.spec import Arguments, ToolSpec


@dataclass(frozen=True, slots=True)
class Parsed:
    value: Arguments
    data: dict[str, Any]
    hash: str


def parse(spec: ToolSpec[Any], raw: str) -> Parsed:
    """Raises Invalid with one sentence the model can act on."""
    return validated(spec, parse_object(raw))


def validated(spec: ToolSpec[Any], data: dict[str, Any]) -> Parsed:
    """Raises Invalid when `data` is not exactly what the tool's schema says."""
    try:
        value = spec.arguments.model_validate(data, strict=True)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
            for problem in error.errors()[:5]
        )
        raise Invalid(f"The arguments of {spec.name} do not fit its schema: {problems}.") from None
    plain = value.model_dump(mode="json")
    return Parsed(value=value, data=plain, hash=digest(plain))
