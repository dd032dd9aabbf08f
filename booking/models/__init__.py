"""Tables of demand, and of the doors to it."""

from booking.models.demand import (
    Assessment,
    Booking,
    BookingState,
    BookingStatus,
    CancelledBy,
    CareRequest,
    Channel,
    RequestStatus,
)
from booking.models.doors import (
    Account,
    AccountSite,
    ApiClient,
    IdempotencyKey,
    Role,
    SignInFailure,
    StaffSession,
    WorkerHeartbeat,
)

__all__ = [
    "Account",
    "AccountSite",
    "ApiClient",
    "Assessment",
    "Booking",
    "BookingState",
    "BookingStatus",
    "CancelledBy",
    "CareRequest",
    "Channel",
    "IdempotencyKey",
    "RequestStatus",
    "Role",
    "SignInFailure",
    "StaffSession",
    "WorkerHeartbeat",
]
