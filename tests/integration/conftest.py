"""What the tests of this folder have in common, beside tests/conftest.py."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from booking.accounts import passwords


@pytest.fixture(scope="module", autouse=True)
def _passwords_are_cheap() -> Iterator[None]:
    """Hash a thousand passwords in the time of ten: what they really cost is a unit test's.

    As long as a module's tests run: another folder's, in the same process, have the real ones.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        )
        yield
