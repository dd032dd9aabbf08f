"""Tables of demand, and of the doors to it."""

from booking.models.calls import (
    LevelDecision,
    LookOutcome,
    LookReason,
    SecondLook,
    Transfer,
    TransferState,
    TransferStep,
)
from booking.models.demand import (
    Assessment,
    Booking,
    BookingState,
    BookingStatus,
    CallerIs,
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
from booking.models.governance import Act, GovernanceAct, ProtocolVersion, VersionStatus

__all__ = [
    "Account",
    "AccountSite",
    "Act",
    "ApiClient",
    "Assessment",
    "Booking",
    "BookingState",
    "BookingStatus",
    "CallerIs",
    "CancelledBy",
    "CareRequest",
    "Channel",
    "GovernanceAct",
    "IdempotencyKey",
    "LevelDecision",
    "LookOutcome",
    "LookReason",
    "ProtocolVersion",
    "RequestStatus",
    "Role",
    "SecondLook",
    "SignInFailure",
    "StaffSession",
    "Transfer",
    "TransferState",
    "TransferStep",
    "VersionStatus",
    "WorkerHeartbeat",
]
