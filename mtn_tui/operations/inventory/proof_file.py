"""Writes the proof beside a copy so that two writers at once do not lose each other's changes.

The proof is read again, changed and put back while nobody else of this machine
does the same: a verification that took an hour keeps the pin of a minute ago.
Hosts that share a bucket are not kept apart, for S3 knows no lock; between the
reading and the putting there lies one round trip.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from mtn_tui.archive import proof as proofs
from mtn_tui.archive.proof import Proof
from mtn_tui.core.errors import NotFound
from mtn_tui.core.models import PROOF
from mtn_tui.engine.locks import turn
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Copy, CopyStatus
from mtn_tui.operations.inventory.scan import read_small

UNBELIEVED = (CopyStatus.BROKEN, CopyStatus.ANOTHER_KEY, CopyStatus.UNCHECKED)
"""The status of copies whose manifest is not believed."""


def amend(context: Context, copy: Copy, change: Callable[[Proof], Proof]) -> Proof:
    """Replace the proof beside ``copy`` by ``change`` of it; return the new one.

    Raises StorageError, also if the state folder can't be used, and Locked
    if others write for longer than is worth waiting.
    """
    with turn(context.locks, f"proof-{copy.store.name}"):
        proof = change(_present(copy))
        data = proofs.encode(proof)
        copy.store.put(copy.key + PROOF, io.BytesIO(data), len(data))
    return proof


def _present(copy: Copy) -> Proof:
    """The proof as it is now. If the manifest is not believed now, it may be later: then any proof counts."""
    sha256 = copy.proof.sha256
    try:
        data = read_small(copy.store, copy.key + PROOF)
    except NotFound:
        return Proof(sha256)
    if copy.manifest is None and copy.standing in UNBELIEVED:
        return proofs.load(data) or Proof(sha256)
    return proofs.decode(data, sha256)
