"""Fifty clients over HTTP, one slot."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

CLIENTS = 50
FIRST_NAMES = [f"Prenom{number:02}" for number in range(CLIENTS)]


def person(number: int) -> dict[str, str]:
    return {
        "family_name": f"Famille{number:02}",
        "given_name": FIRST_NAMES[number],
        "birth_date": "1992-05-04",
        "phone": f"06399800{number:02}",
    }


@pytest.mark.slow
@pytest.mark.parametrize("round_", [1, 2, 3])
def test_of_fifty_clients_for_one_slot_one_books_and_49_are_offered_others(product, round_):
    body = product.ankle()

    def ask(_number: int) -> dict:
        status, said = product.api("POST", "/api/v1/care-requests", body)
        assert status == 201
        return said

    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(ask, range(CLIENTS)))
    wanted = asked[0]["proposals"][0]["slot"]
    together = Barrier(CLIENTS)

    def book(number: int) -> tuple[int, dict]:
        together.wait()
        return product.api(
            "POST",
            f"/api/v1/care-requests/{asked[number]['reference']}/booking",
            {"slot": wanted, "person": person(number), "consent_sms": True},
        )

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(book, range(CLIENTS)))

    won = [number for number, (status, _) in enumerate(answers) if status == 201]
    assert len(won) == 1
    winner = person(won[0])
    for number, (status, said) in enumerate(answers):
        if number == won[0]:
            continue
        assert status == 409, said
        assert len(said["alternatives"]) == 3
        assert wanted not in [each["slot"] for each in said["alternatives"]]
        assert winner["family_name"] not in str(said)
        assert winner["given_name"] not in str(said)
