"""HTTP for identity: why something is in a file, and mending it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.auth import Writer, administration, reading, writing
from app.core.dependencies import DatabaseDep, ExpectedVersion, SessionDep
from app.core.errors import documented
from app.core.pagination import Page, PageQuery
from app.customers.dependencies import PolicyDep
from app.customers.policies import KindPolicy
from app.identity import acceptance, duplicates, merge, policies, service, undo
from app.identity.models import DuplicateScan, DuplicateSuggestion, Merge, ScanStatus
from app.identity.policy_schemas import PolicyList, PolicyPatch, PolicyRead
from app.identity.schemas import (
    AcceptedRead,
    AcceptQuery,
    DuplicateQuery,
    DuplicateRead,
    IdentityEntryRead,
    MergeCreate,
    MergedCustomer,
    MergeQuery,
    MergeRead,
    Refile,
    ScanRead,
)
from app.interactions.schemas import InteractionFull
from app.text.fields import ShortText

router = APIRouter(prefix="/v1", tags=["Identity"])
PolicyKind = Annotated[ShortText, Path(description="A kind of identifier.", examples=["phone"])]


@router.get(
    "/customers/{customer_id}/identity-log",
    response_model=Page[IdentityEntryRead],
    responses=documented(404),
    dependencies=reading,
    summary="Why each message and identifier is in this file",
)
async def get_identity_log(
    session: SessionDep, customer_id: UUID, query: Annotated[PageQuery, Query()]
) -> dict[str, Any]:
    return await service.log(session, customer_id, query)


@router.post(
    "/interactions/{interaction_id}/file",
    response_model=InteractionFull,
    responses=documented(404, 409),
    tags=["Interactions"],
    summary="File an interaction under another customer",
)
async def post_file(session: SessionDep, caller: Writer, interaction_id: UUID, body: Refile) -> dict[str, Any]:
    """It goes on in a conversation of that customer's; others' messages stay where they are."""
    return await service.refile(session, interaction_id, body.customer_id, actor=caller.id)


@router.get(
    "/duplicates", response_model=Page[DuplicateRead], dependencies=reading, summary="List suggested duplicates"
)
async def list_duplicates(session: SessionDep, query: Annotated[DuplicateQuery, Query()]) -> dict[str, Any]:
    """Pairs of files that may be one person's."""
    return await service.list_duplicates(session, query)


@router.post(
    "/duplicates/scan",
    response_model=ScanRead,
    responses=documented(409) | {202: {"model": ScanRead, "description": "Going on in the background"}},
    dependencies=writing,
    summary="Compare all files with each other",
)
async def post_scan(session: SessionDep, database: DatabaseDep, response: Response) -> DuplicateScan:
    """Answers when it is finished, or after half a minute with 202; whoever asks meanwhile gets the scan that runs.

    Suggestions that nobody decided on get new scores, and go where they are no longer made.
    """
    found = await duplicates.scanned(session, database)
    response.status_code = 202 if found.status is ScanStatus.running else 200
    return found


@router.get(
    "/duplicates/scan",
    response_model=ScanRead,
    responses=documented(404),
    dependencies=reading,
    summary="Show how far the latest scan has come",
)
async def get_scan(session: SessionDep) -> DuplicateScan:
    return await duplicates.latest_scan(session)


@router.post(
    "/duplicates/accept",
    response_model=AcceptedRead,
    responses=documented(409),
    summary="Merge all pairs that are probable enough",
)
async def post_accept_all(
    database: DatabaseDep, caller: Writer, query: Annotated[AcceptQuery, Query()]
) -> dict[str, Any]:
    """Without `min_score` only those that may be believed unseen; less must be asked for. The most probable first, for
    half a minute at the most: ask again until `finished`."""
    return await acceptance.accept_all(database, query.min_score, actor=caller.id)


@router.post(
    "/duplicates/{suggestion_id}/accept",
    response_model=MergeRead,
    responses=documented(404, 409),
    summary="Say that two files are one person's, and merge them",
)
async def accept_duplicate(session: SessionDep, caller: Writer, suggestion_id: UUID) -> Merge:
    """The older file survives, an active one before a provisional one. 409 `already_decided`, or as merging."""
    return await acceptance.accept(session, suggestion_id, actor=caller.id)


@router.post(
    "/duplicates/{suggestion_id}/dismiss",
    response_model=DuplicateRead,
    responses=documented(404, 409),
    dependencies=writing,
    summary="Say that two files are two people's",
)
async def dismiss_duplicate(session: SessionDep, suggestion_id: UUID) -> DuplicateSuggestion:
    """409 `already_decided`: they were merged; undo that first."""
    return await service.dismiss(session, suggestion_id)


@router.post(
    "/customers/{customer_id}/merge",
    response_model=MergedCustomer,
    responses=documented(404, 410, 409),
    summary="Merge other files into this one",
)
async def post_merge(session: SessionDep, caller: Writer, customer_id: UUID, body: MergeCreate) -> dict[str, Any]:
    """Everything of the other files moves here. This file's own values win, empty ones are filled, collections are
    joined, and who opted out stays so. The old ids keep working.

    409: `same_customer`, `already_merged`, `anonymized`, `different_kinds`, or `busy` (try again).
    """
    return await merge.merge_files(session, customer_id, body.customer_ids, actor=caller.id, dry_run=body.dry_run)


@router.get("/merges", response_model=Page[MergeRead], dependencies=reading, summary="List merges")
async def list_merges(session: SessionDep, query: Annotated[MergeQuery, Query()]) -> dict[str, Any]:
    return await merge.list_merges(session, query)


@router.post(
    "/merges/{merge_id}/undo",
    response_model=MergeRead,
    responses=documented(404, 410, 409),
    summary="Undo a merge",
)
async def post_undo(session: SessionDep, caller: Writer, merge_id: UUID) -> Merge:
    """Each side gets back its identifiers, its rows, and what arrived since through its identifiers.

    409: `undo_first` names in `merge_id` the later merge to undo first; `already_undone`, `anonymized`, or `busy`.
    """
    return await undo.undo(session, merge_id, actor=caller.id)


@router.get(
    "/identity-policy",
    response_model=PolicyList,
    dependencies=reading,
    summary="How each kind of identifier is treated",
)
async def get_policies(session: SessionDep) -> dict[str, Any]:
    """All kinds, the strongest first."""
    return await policies.list_all(session)


@router.patch(
    "/identity-policy/{kind}",
    response_model=PolicyRead,
    responses=documented(404, 412),
    dependencies=administration,
    summary="Change how a kind of identifier is treated",
)
async def patch_policy(
    session: SessionDep, policy: PolicyDep, kind: PolicyKind, body: PolicyPatch, version: ExpectedVersion
) -> KindPolicy:
    """A merge patch. It holds within 5 seconds, for what comes from then on; what is filed already stays.

    Values are read as everywhere: Persian digits, national phone numbers of the default region.
    """
    return await policies.change(session, policy, kind, body, expected_version=version)
