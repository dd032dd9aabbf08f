"""Which addresses of calendars are read: public ones, connected to exactly as they were checked."""

import pytest

from schedules.calendars import fetching, guard
from schedules.calendars.guard import Failure, Refused

PUBLIC = "93.184.215.14"
ELSEWHERE = "2606:2800:220:1:248:1893:25c8:1946"


def answering(*addresses):
    return lambda _host, _port: addresses


def checked(url, *addresses, may_be_local=False):
    return guard.checked(
        url, may_be_local=may_be_local, resolve=answering(*(addresses or (PUBLIC,)))
    )


def refusal(url, *addresses, may_be_local=False):
    with pytest.raises(Refused) as refused:
        checked(url, *addresses, may_be_local=may_be_local)
    return refused.value.failure


def test_a_secret_address_is_read_from_the_address_that_was_checked():
    target = checked("https://calendar.example/secret/basic.ics?key=1", PUBLIC)

    assert (target.host, target.port, target.address) == ("calendar.example", 443, PUBLIC)
    assert target.path == "/secret/basic.ics?key=1"
    assert target.url == "https://calendar.example/secret/basic.ics?key=1"


@pytest.mark.parametrize("scheme", ["webcal", "WEBCAL", "webcals", "https"])
def test_calendars_own_schemes_mean_https(scheme):
    assert checked(f" {scheme}://calendar.example/a.ics ").is_tls


def test_public_ipv6_is_an_address_like_another():
    assert checked("https://calendar.example/", ELSEWHERE).address == ELSEWHERE


@pytest.mark.parametrize(
    "url",
    [
        "http://calendar.example/",
        "ftp://calendar.example/",
        "file:///etc/passwd",
        "gopher://calendar.example/_x",
        "calendar.example/a.ics",
        "https://",
        "https://user@calendar.example/",
        "https://:secret@calendar.example/",
        "https://calendar.example:8443/",
        "https://calendar.example:22/",
        "https://calendar.example:99999/",
        "https://[::1/",
        "",
    ],
)
def test_only_https_on_its_own_port_without_a_name_in_it(url):
    assert refusal(url) is Failure.REFUSED_ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:0:53aa:64c:0:0:80ff:fffe", "2001:db8::1", "64:ff9b:1::a00:1",
    ],
)  # fmt: skip
def test_nothing_that_leads_inside_is_asked(address):
    assert refusal("https://calendar.example/", address) is Failure.REFUSED_ADDRESS
    assert refusal("https://calendar.example/", PUBLIC, address) is Failure.REFUSED_ADDRESS


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "0", "[::]",
        "[::ffff:127.0.0.1]", "①②⑦.⓪.⓪.①", "127。0。0。1", "169.254.169.254", "[fe80::1%25lo]",
        "[64:ff9b::7f00:1]", "[::127.0.0.1]",
    ],
)  # fmt: skip
def test_every_spelling_of_this_machine_is_refused_by_the_real_resolver(host):
    with pytest.raises(Refused) as refused:
        guard.checked(f"https://{host}/", may_be_local=False)

    assert refused.value.failure in (Failure.REFUSED_ADDRESS, Failure.UNREACHABLE)


def test_a_host_that_nobody_knows_is_unreachable():
    def unknown(host, port):
        raise OSError

    with pytest.raises(Refused) as refused:
        guard.checked("https://calendar.example/", may_be_local=False, resolve=unknown)
    assert refused.value.failure is Failure.UNREACHABLE


def test_tests_and_developers_read_this_very_machine_and_nothing_else_inside():
    assert checked("http://127.0.0.1:5232/a", "127.0.0.1", may_be_local=True).port == 5232
    inside = [("10.0.0.1", True), ("169.254.169.254", True), ("127.0.0.1", False)]
    for address, may in inside:
        assert refusal("http://calendar.example/", address, may_be_local=may)
    # Plain http leaves this machine for nobody.
    assert refusal("http://calendar.example/", PUBLIC, may_be_local=True)


def test_a_second_answer_of_the_dns_counts_for_nothing(monkeypatch):
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return next(answers)

    target = guard.checked("https://calendar.example/", may_be_local=False, resolve=rebinding)
    pool = fetching.pool_of(target)

    assert asked == ["calendar.example"]
    assert pool.host == PUBLIC
    assert pool.assert_hostname == "calendar.example"
    assert pool.conn_kw["server_hostname"] == "calendar.example"
    assert pool.cert_reqs == "CERT_REQUIRED"


def test_each_redirect_is_checked_as_the_first_address_was(monkeypatch):
    where = {"first.example": PUBLIC, "second.example": "127.0.0.1"}
    seen = []

    def found(target, headers):
        seen.append(target.host)
        return "https://second.example/a.ics"

    monkeypatch.setattr(fetching, "_asked", found)
    with pytest.raises(Refused) as refused:
        fetching.fetch(
            "https://first.example/",
            etag=None,
            last_modified=None,
            may_be_local=False,
            resolve=lambda host, _port: [where[host]],
        )

    assert refused.value.failure is Failure.REFUSED_ADDRESS
    assert seen == ["first.example"]


def test_who_redirects_for_ever_is_followed_three_times(monkeypatch):
    seen = []

    def found(target, headers):
        seen.append(target.path)
        return f"https://first.example/{len(seen)}"

    monkeypatch.setattr(fetching, "_asked", found)
    with pytest.raises(Refused) as refused:
        fetching.fetch(
            "https://first.example/0",
            etag=None,
            last_modified=None,
            may_be_local=False,
            resolve=answering(PUBLIC),
        )

    assert refused.value.failure is Failure.TOO_MANY_REDIRECTS
    assert seen == ["/0", "/1", "/2", "/3"]


def test_a_screen_is_shown_the_host_and_nothing_else():
    assert guard.host_of("webcal://p01.example/secret/a.ics?key=2") == "p01.example"
    assert guard.host_of("https://[broken/") == ""
