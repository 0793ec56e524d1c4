"""Every refusal in one shape: {"error": {"code", "message", "fields"}}."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser

from agentdesk.api.auth import Unauthenticated
from agentdesk.core.errors import DeskError


class TooLarge(DeskError):
    """The request is larger than the desk reads: send less."""

    code = "too_large"
    http_status = 413

    def __init__(self) -> None:
        super().__init__(
            f"The request is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes. Send less text."
        )


class Malformed(DeskError):
    """The request is not what it says it is: send JSON."""

    code = "malformed"
    http_status = 400


class StrictParser(Parser):
    """JSON without duplicate keys and NaN, within the size that the desk reads."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        # Django compares the Content-Length; a chunked request has none
        if len(request.body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            parsed: dict[str, Any] = json.loads(
                request.body, object_pairs_hook=_unique, parse_constant=_refuse
            )
        except (ValueError, RecursionError) as error:
            raise Malformed(f"The request is not JSON: {error}.") from None
        return parsed


def register(api: NinjaAPI) -> None:
    handlers: dict[type[Exception], Any] = {
        DeskError: _refused,
        RequestDataTooBig: _too_big,
        AuthenticationError: _unauthenticated,
        HttpError: _http_error,
        ValidationError: _invalid,
    }
    for error_class, handler in handlers.items():
        api.add_exception_handler(error_class, handler)


def _refused(_: HttpRequest, error: DeskError) -> HttpResponse:
    return _answer(error.http_status, error.code, error.sentence, error.fields)


def _too_big(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
    return _refused(request, TooLarge())


def _unauthenticated(request: HttpRequest, _: AuthenticationError) -> HttpResponse:
    return _refused(request, Unauthenticated("Log in, or send “Authorization: Bearer <token>”."))


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What the parser raises comes wrapped in one of these; a failed CSRF check comes as one."""
    if isinstance(error.__cause__, DeskError):
        return _refused(request, error.__cause__)
    return _answer(error.status_code, "refused", str(error), {})


def _invalid(_: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = {
        ".".join(str(part) for part in problem["loc"][2:]) or str(problem["loc"][-1]): str(problem["msg"])
        for problem in error.errors
    }
    sentence = "; ".join(f"{field}: {message}" for field, message in fields.items())
    return _answer(422, "invalid", f"The request cannot be used. {sentence}", fields)


def _answer(status: int, code: str, message: str, fields: dict[str, str]) -> HttpResponse:
    response = JsonResponse({"error": {"code": code, "message": message, "fields": fields}}, status=status)
    if status == Unauthenticated.http_status:
        response["WWW-Authenticate"] = 'Bearer realm="AgentDesk"'
    return response


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key appears twice")
    return result


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
