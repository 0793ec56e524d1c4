"""write_document: what an agent leaves behind for colleagues."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agentdesk.core import rows
from agentdesk.core.errors import ToolError
from tools.library.models import Document
from tools.spec import Arguments, Context


class WriteDocument(Arguments):
    title: Annotated[str, Field(min_length=1, max_length=200)]
    body: Annotated[str, Field(min_length=1, max_length=50_000, description="Markdown")]


def write_document(context: Context, arguments: WriteDocument) -> dict[str, Any]:
    title = " ".join(arguments.title.split())
    if not title or not arguments.body.strip():
        raise ToolError("The title or the body is empty. Write both.")
    document = Document(task=context.task, tool_call=context.call, title=title, body=arguments.body)
    rows.insert(Document, [vars(document)], computed={"written_at": rows.now()})
    return {"document": document.title}
