"""Feeds: addresses at which a calendar reads when somebody is expected, and nothing about whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from booking.desk import board
from booking.desk.board import Scope
from booking.desk.supply import NotTheirs
from booking.links import Links, hashed
from booking.models import Account, AccountSite, Booking, BookingState, BookingStatus, Role
from schedules import directory, ics
from schedules.models import Community, Feed, Professional, Site, Slot

TOKEN_BYTES = 32

TITLE = "RDV SNP"
"""All that an entry says: the servers of strangers fetch feeds, and keep them."""

LOOKS_BACK = timedelta(days=7)

NOTED_EVERY = timedelta(minutes=10)
"""Who reads every minute is noted six times an hour."""

ONE_SECOND = timedelta(seconds=1)


class NoSuchFeed(LookupError):
    """Nobody was ever given this address."""


class FeedEnded(LookupError):
    """The address was given out; somebody has ended it since, or who made it has left."""


@dataclass(frozen=True)
class Whose:
    """Whose bookings a feed can show: a professional's, a site's, or a professional's at a site."""

    professional: Professional | None
    site: Site | None

    @property
    def key(self) -> str:
        """What a form sends to choose it."""
        return "~".join(
            str(each.reference) if each else "" for each in (self.professional, self.site)
        )

    @property
    def names(self) -> list[str]:
        """The names of both, where there are two, as people who sign in read them."""
        return [each.name for each in (self.professional, self.site) if each]


@dataclass(frozen=True)
class Listed:
    """A feed that calendars may read now."""

    reference: UUID
    whose: Whose
    created_at: datetime
    last_read_at: datetime | None


@dataclass(frozen=True)
class Reading:
    """What a calendar gets: entries to draw, and what tells it whether it has them already."""

    feed: ics.Feed
    digest: bytes
    changed_at: datetime


def choices(session: Session, scope: Scope) -> list[Whose]:
    """Return whose bookings this account may put into a calendar.

    A professional: their own, everywhere. A secretary: those of a site, or of one professional
    there; what that professional does elsewhere is not hers to know.
    """
    if scope.professional_id is not None:
        own = session.get_one(Professional, (scope.community_id, scope.professional_id))
        return [Whose(own, None)]
    pairs = session.execute(
        directory.at_their_sites()
        .where(Professional.community_id == scope.community_id, Site.id.in_(scope.site_ids))
        .order_by(Site.name, Professional.family_name, Professional.given_name)
    )
    sites = board.sites(session, scope)
    return [Whose(None, site) for site in sites] + [Whose(who, where) for who, where in pairs]


def make(session: Session, scope: Scope, key: str, *, by: UUID, now: datetime) -> str:
    """Make a feed of one of the `choices` and return its token: here, once, and nowhere else.

    Raises:
        NotTheirs: if this account may not give that away.
    """
    found = [whose for whose in choices(session, scope) if whose.key == key]
    if not found:
        raise NotTheirs
    token = token_urlsafe(TOKEN_BYTES)
    session.add(
        Feed(
            community_id=scope.community_id,
            professional_id=found[0].professional and found[0].professional.id,
            site_id=found[0].site and found[0].site.id,
            token_hash=hashed(token),
            created_by=by,
            created_at=now,
        )
    )
    session.flush()
    return token


def listed(session: Session, scope: Scope) -> list[Listed]:
    """Return the feeds that this account may end, the newest first."""
    rows = session.execute(
        select(Feed, Professional, Site)
        .outerjoin(
            Professional,
            and_(
                Professional.community_id == Feed.community_id,
                Professional.id == Feed.professional_id,
            ),
        )
        .outerjoin(Site, and_(Site.community_id == Feed.community_id, Site.id == Feed.site_id))
        .where(_theirs(scope), Feed.ended_at.is_(None), ~_maker_left())
        .order_by(Feed.id.desc())
    )
    return [
        Listed(feed.reference, Whose(who, where), feed.created_at, feed.last_read_at)
        for feed, who, where in rows
    ]


def end(session: Session, scope: Scope, reference: UUID, *, now: datetime) -> None:
    """Close an address for ever; closed twice it is closed once.

    Raises:
        NotTheirs: if this account may not.
    """
    feed = session.scalar(
        select(Feed).where(_theirs(scope), Feed.reference == reference).with_for_update()
    )
    if feed is None:
        raise NotTheirs
    feed.ended_at = feed.ended_at or now
    session.flush()


def _theirs(scope: Scope) -> ColumnElement[bool]:
    theirs = (
        Feed.site_id.in_(scope.site_ids)
        if scope.professional_id is None
        else Feed.professional_id == scope.professional_id
    )
    return and_(Feed.community_id == scope.community_id, theirs)


def _maker_left() -> ColumnElement[bool]:
    """Return whether who made a feed could not make it today: the address left with them.

    Their account is closed, or a secretary keeps that site no more. Nobody else has the address.
    """
    keeps_the_site = (
        exists()
        .where(
            AccountSite.community_id == Account.community_id,
            AccountSite.account_id == Account.id,
            AccountSite.site_id == Feed.site_id,
        )
        .correlate(Account, Feed)
    )
    return exists().where(
        Account.community_id == Feed.community_id,
        Account.reference == Feed.created_by,
        or_(
            Account.closed_at.is_not(None),
            and_(Account.role == Role.SECRETARY, ~keeps_the_site),
        ),
    )


def read(session: Session, token: str, *, links: Links, now: datetime) -> Reading:
    """Return what the calendar that holds this token shows now, and note that it was read.

    Raises:
        NoSuchFeed: if nobody was given this token.
        FeedEnded: if it was ended, or who made it has left.
    """
    found = session.execute(
        select(Feed, _maker_left()).where(Feed.token_hash == hashed(token))
    ).one_or_none()
    if found is None:
        raise NoSuchFeed
    feed, maker_left = found
    if feed.ended_at is not None or maker_left:
        raise FeedEnded
    shown = _shown(session, feed, links, now)
    digest = ics.digest(shown)
    if feed.changed_at is None or feed.digest != digest:
        feed.digest, feed.changed_at = digest, _after(feed.changed_at, now)
    if feed.last_read_at is None or feed.last_read_at <= now - NOTED_EVERY:
        feed.last_read_at = now
    session.flush()
    return Reading(shown, digest, feed.changed_at)


def _after(before: datetime | None, now: datetime) -> datetime:
    """Return now in HTTP's whole seconds, never that of other content: it would hide this one."""
    whole = now.replace(microsecond=0)
    return whole if before is None else max(whole, before + ONE_SECOND)


def _shown(session: Session, feed: Feed, links: Links, now: datetime) -> ics.Feed:
    community = session.get_one(Community, feed.community_id)
    site = feed.site_id and session.get_one(Site, (feed.community_id, feed.site_id))
    return ics.Feed(
        entries=tuple(
            ics.Entry(
                reference=reference,
                starts_at=starts_at,
                ends_at=ends_at,
                changed_at=changed_at,
                version=version,
                is_cancelled=False,
                summary=TITLE,
                location=f"{where.name}, {where.address}",
                description=links.day(),
                url=links.day(),
            )
            for reference, version, starts_at, ends_at, changed_at, where in session.execute(
                _expected(feed, now)
            )
        ),
        host=links.host,
        name=f"{TITLE} – {site.name}" if site else TITLE,
        organizer=community.email,
    )


def _expected(feed: Feed, now: datetime) -> Select[UUID, int, datetime, datetime, datetime, Site]:
    """Select the appointments of a feed: those of the last days, and all to come.

    One that is cancelled, or goes to somebody else, is not there any more: whoever subscribes
    drops what it does not find, while not all understand STATUS:CANCELLED.
    """
    # When this version began, as its invitation says; whoever notes that the patient came
    # changes the booking, and nothing in a calendar.
    changed_at = (
        select(func.min(BookingState.at))
        .where(
            BookingState.community_id == Booking.community_id,
            BookingState.booking_id == Booking.id,
            BookingState.version == Booking.version,
        )
        .scalar_subquery()
    )
    of_feed = [Slot.community_id == feed.community_id, Slot.starts_at >= now - LOOKS_BACK]
    if feed.professional_id is not None:
        of_feed.append(Slot.professional_id == feed.professional_id)
    if feed.site_id is not None:
        of_feed.append(Slot.site_id == feed.site_id)
    return (
        select(
            Booking.reference,
            Booking.version,
            Slot.starts_at,
            Slot.ends_at,
            func.coalesce(changed_at, Booking.changed_at),
            Site,
        )
        .join(Slot, and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id))
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(*of_feed, Booking.status != BookingStatus.CANCELLED)
        .order_by(Slot.starts_at, Booking.reference)
    )
