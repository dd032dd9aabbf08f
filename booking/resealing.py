"""Seal again, with the newest key, what an older one sealed: afterwards the older one may go."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, inspect, select, tuple_
from sqlalchemy.orm import Session

from booking.accounts import authenticators
from booking.models import Account, Authenticator
from config import sealed
from config.database import Base, OpenTransaction
from config.sealing import Keys

BATCH = 500
"""Rows in one transaction: nobody who books waits longer for them."""

SEALING_AGAIN = func.set_config("jourmeme.sealing_again", "on", True)
"""Said for one transaction: what is kept for ever lets its sealed columns alone be written."""


def seal_all_again(open_transaction: OpenTransaction, keys: Keys) -> int:
    """Seal again all that is not under the newest key, in short transactions; return how many rows.

    Pages go on meanwhile: a row that somebody changes is waited for, and is under the newest key
    either way. Done twice it does nothing the second time.

    Raises:
        sealing.KeyUnknown: if a key that is still needed is not in the list.
    """
    done = sum(_table(open_transaction, table) for table in _tables())
    with open_transaction() as session:
        return done + _authenticators(session, keys)


def _tables() -> Iterator[type[sealed.Row]]:
    return (m.class_ for m in Base.registry.mappers if issubclass(m.class_, sealed.Row))


def _table(open_transaction: OpenTransaction, table: type[sealed.Row]) -> int:
    keys = inspect(table).primary_key
    done, last = 0, None
    while True:
        with open_transaction() as session:
            session.execute(select(SEALING_AGAIN))
            rows = session.scalars(
                select(table)
                .where(*_after(keys, last))
                .order_by(*keys)
                .limit(BATCH)
                .with_for_update(key_share=True)
                .execution_options(populate_existing=True)
            ).all()
            done += sum(row.seal_again() for row in rows)
            session.flush()
        if not rows:
            return done
        last = inspect(rows[-1]).identity


def _after(keys: Sequence[ColumnElement[Any]], last: Sequence[Any] | None) -> list[Any]:
    return [] if last is None else [tuple_(*keys) > tuple_(*last)]


def _authenticators(session: Session, keys: Keys) -> int:
    found = session.execute(
        select(Authenticator, Account.reference)
        .join(
            Account,
            (Account.community_id == Authenticator.community_id)
            & (Account.id == Authenticator.account_id),
        )
        .with_for_update(of=Authenticator)
    ).all()
    return sum(authenticators.seal_again(kept, account, keys) for kept, account in found)
