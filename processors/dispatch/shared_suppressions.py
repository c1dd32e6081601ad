"""The suppressed numbers of a tenant in the call pools that it uses (S4-85).

The account of a tenant's channel has the truth, also about what older versions have suppressed. A
call pool asks for it once for each tenant, and gets every later change: an address that is closed
is closed for the calls of every pool.
"""

from collections.abc import Iterator

import msgspec

from processors.fold.turn import Turn
from schemas.channels import CHANNELS
from schemas.internal import messages as m
from schemas.internal.call_states import (
    SuppressionSharing,
    shared_suppression_key,
    sharing_key,
)
from schemas.internal.states import Suppression
from schemas.internal.topics import Topic

SHARED_MAX = 1_000
"""So many suppressions of a tenant are in one message at most."""

SHARED_MAX_BYTES = 500_000

_SUPPRESSION = b"\x02"
"""How the keys of suppressions begin."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Suppression).decode


def ask_for_suppressions(turn: Turn, tenant_id: str, channel: str, pool_id: str) -> None:
    """Asks the account of a tenant's channel for the addresses that it has suppressed."""
    question = m.ShareSuppressions(tenant_id, channel, pool_id, after="")
    turn.send(Topic.DISPATCH_LOG, m.account_key(tenant_id, channel), question)


def lists_of_suppression(key: bytes, payload: bytes) -> tuple[bytes, ...]:
    """The names of the lists in which a stored state of the dispatch processor stands: each account
    has one of its suppressions, whose name their keys begin with."""
    return (list_of(key),) if key.startswith(_SUPPRESSION) else ()


def list_of(key: bytes) -> bytes:
    """The name of the list of the account of a suppression."""
    return key[: key.rindex(b"/") + 1]


def share_next(turn: Turn, question: m.ShareSuppressions, prefix: bytes) -> None:
    """Answers a pool with the next suppressions of an account, whose keys begin with `prefix`. The
    rest follows behind the records that have come meanwhile. From the first part on the pool gets
    every change."""
    key = sharing_key(question.tenant_id, question.channel)
    sharing = turn.store.edit(key, SuppressionSharing)
    if sharing is None:
        sharing = SuppressionSharing(question.tenant_id, question.channel)
        turn.store.put(key, sharing)
    if question.pool_id not in sharing.pools:
        sharing.pools = [*sharing.pools, question.pool_id]
    for part, is_last in _parts(turn, prefix, question.after or ""):
        _send(turn, question.tenant_id, question.channel, question.pool_id, part, is_last)
        if question.after is not None:
            if not is_last:
                following = msgspec.structs.replace(question, after=max(part))
                key = m.account_key(question.tenant_id, question.channel)
                turn.send(Topic.DISPATCH_LOG, key, following, turn.partition)
            return


def share_change(
    turn: Turn, tenant_id: str, channel: str, digest: str, suppression: Suppression | None
) -> None:
    """Informs every pool that has asked about a change of one suppression; None was lifted."""
    if not CHANNELS[channel].by_pool:
        return
    sharing = turn.store.read(sharing_key(tenant_id, channel), SuppressionSharing)
    encoded = b"" if suppression is None else _encode(suppression)
    for pool_id in sharing.pools if sharing is not None else ():
        _send(turn, tenant_id, channel, pool_id, {digest: encoded}, False)


def store_shared(turn: Turn, message: m.SuppressionsShared) -> None:
    """Stores what the account of a tenant's channel has sent, as copies of the pool's own."""
    for digest, encoded in message.suppressions.items():
        key = shared_suppression_key(message.tenant_id, message.channel, message.pool_id, digest)
        if encoded:
            turn.store.put(key, _decode(encoded))
        elif turn.store.read(key, Suppression) is not None:
            turn.store.delete(key)


def _parts(turn: Turn, prefix: bytes, after: str) -> Iterator[tuple[dict[str, bytes], bool]]:
    """The suppressions after a digest, in parts of bounded size, each with whether it is the last
    one."""
    part: dict[str, bytes] = {}
    size = 0
    for key in turn.store.listed(prefix, prefix + after.encode()):
        suppression = turn.store.read(key, Suppression)
        if suppression is None:
            continue
        encoded = _encode(suppression)
        size += len(encoded)
        if len(part) == SHARED_MAX or (part and size > SHARED_MAX_BYTES):
            yield part, False
            part, size = {}, len(encoded)
        part[key[len(prefix) :].decode()] = encoded
    yield part, True


def _send(
    turn: Turn,
    tenant_id: str,
    channel: str,
    pool_id: str,
    suppressions: dict[str, bytes],
    complete: bool,
) -> None:
    answer = m.SuppressionsShared(tenant_id, channel, pool_id, suppressions, complete)
    turn.send(Topic.DISPATCH_LOG, m.pool_key(pool_id), answer)
