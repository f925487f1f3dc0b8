"""HTTP for imports."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from app.auth import Writer, reading, writing
from app.core.dependencies import SessionDep
from app.core.errors import FieldError, Unprocessable, documented
from app.core.pagination import Page
from app.imports import fields, results, service, undo
from app.imports.models import ImportStatus
from app.imports.schemas import (
    FieldList,
    ImportOptions,
    ImportQuery,
    ImportRead,
    ResultFormat,
    ResultQuery,
)
from app.imports.service import Desk, Upload
from app.text.cleaning import clean

router = APIRouter(prefix="/v1/imports", tags=["Imports"])

_CSV = "name,mobile,email\nعلی رضایی,۰۹۱۲۱۲۳۴۵۶۷,ali@example.ir\n"
_CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Sara Levi\nTEL;TYPE=CELL:+972501234567\nEND:VCARD\n"
_LINE = '{"display_name":"علی رضایی","identifiers":[{"kind":"phone","value":"+989121234567"}]}\n'
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FORM: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "mapping": {"type": "string", "description": "As the parameter of this name, and so for the others."},
        },
    },
    "example": {"file": _CSV, "mapping": '{"name": "display_name"}'},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _FORM,
            "text/csv": _TEXT | {"example": _CSV},
            "text/vcard": _TEXT | {"example": _CARD},
            "application/x-ndjson": _TEXT | {"example": _LINE},
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _BINARY | {"example": "(a workbook)"},
        },
    }
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "A row a line.", "content": {"application/x-ndjson": _TEXT, "text/csv": _TEXT}}
}
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": ImportRead, "description": "Accepted; it goes on in the background."}
}


async def get_desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


async def get_upload(request: Request, options: Annotated[ImportOptions, Query()]) -> tuple[Upload, ImportOptions]:
    """The file and how to read it, from a form or from body and query."""
    content_type = request.headers.get("content-type")
    if not (content_type or "").lower().startswith("multipart/form-data"):
        return Upload(await request.body(), None, content_type), options
    async with request.form(max_files=1, max_fields=20) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            errors = [FieldError(field="file", message="a form carries the file under this name")]
            raise Unprocessable("The form has no file.", code="validation_failed", errors=errors)
        content = await file.read()
        told = _options({name: value for name, value in form.multi_items() if isinstance(value, str)})
    update = {name: getattr(told, name) for name in told.model_fields_set}
    name = clean(file.filename or "")[:500] or None
    return Upload(content, name, file.content_type), options.model_copy(update=update)


def _options(fields: dict[str, str]) -> ImportOptions:
    try:
        return ImportOptions.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_context=False)) from error


DeskDep = Annotated[Desk, Depends(get_desk)]
UploadDep = Annotated[tuple[Upload, ImportOptions], Depends(get_upload)]


@router.post(
    "",
    response_model=ImportRead,
    responses=_ACCEPTED | documented(409),
    openapi_extra=_BODY,
    summary="Import customers (CSV, XLSX, vCard, NDJSON)",
)
async def post_import(desk: DeskDep, caller: Writer, upload: UploadDep, response: Response) -> dict[str, Any]:
    """Columns are recognised by their headers, in English, Persian, Arabic or Hebrew, or by what stands in them;
    `mapping` overrides it. NDJSON lines are bodies of `POST /v1/customers`, as the export writes them.

    A row whose addresses nobody has makes a customer; where one customer has them, empty fields are filled in
    (`overwrite` replaces others, too); where several have them, nothing is merged: the pair becomes a suggested
    duplicate. An address no rule can read is left out and told; a row with no other is rejected. Small files are done
    when this answers (200), larger ones go on in the background (202).
    """
    record = await service.take(desk, *upload, actor=caller.id)
    response.status_code = 202 if record.status is ImportStatus.running else 200
    return service.show(record)


@router.get("", response_model=Page[ImportRead], dependencies=reading, summary="List imports")
async def list_imports(session: SessionDep, query: Annotated[ImportQuery, Query()]) -> dict[str, Any]:
    return await service.list_imports(session, query)


@router.get("/fields", response_model=FieldList, dependencies=reading, summary="List what a column may be mapped to")
async def list_fields() -> dict[str, Any]:
    return {"items": fields.described()}


@router.get(
    "/{import_id}",
    response_model=ImportRead,
    responses=documented(404),
    dependencies=reading,
    summary="Get an import and how far it is",
)
async def get_import(session: SessionDep, import_id: UUID) -> dict[str, Any]:
    return service.show(await service.find(session, import_id))


@router.get(
    "/{import_id}/results",
    response_class=StreamingResponse,
    responses=_STREAM | documented(404),
    dependencies=reading,
    summary="Download what became of each row",
)
async def get_results(
    desk: DeskDep, request: Request, import_id: UUID, query: Annotated[ResultQuery, Query()]
) -> StreamingResponse:
    """Line number, result, customer and reasons; as NDJSON, or as CSV where `format` or `Accept` says so."""
    await service.get(desk, import_id)
    wants_csv = "text/csv" in request.headers.get("accept", "")
    form = query.format or (ResultFormat.csv if wants_csv else ResultFormat.ndjson)
    media_type = "text/csv" if form is ResultFormat.csv else "application/x-ndjson"
    return StreamingResponse(results.stream(desk.database, import_id, form, query.status), media_type=media_type)


@router.post(
    "/{import_id}/undo",
    response_model=ImportRead,
    responses=_ACCEPTED | documented(404, 409),
    dependencies=writing,
    summary="Undo an import",
)
async def post_undo(desk: DeskDep, import_id: UUID, response: Response) -> dict[str, Any]:
    """Customers it created and nothing has come of are deleted, fields nobody changed since go back, addresses nobody
    used are released. What stays, and why, is told with each row's result."""
    record = await undo.undo(desk, import_id)
    response.status_code = 202 if record.status is ImportStatus.undoing else 200
    return service.show(record)
