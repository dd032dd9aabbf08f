"""Triage at the command line: the public contract in JSON, and the proofs of protocols."""

import json
from datetime import date
from pathlib import Path
from typing import BinaryIO

import click
from flask.cli import AppGroup, with_appcontext

from booking import protocols
from booking.extensions import equipment, now
from booking.triage import cases, exchange, loading, proofs, reading, translation
from booking.triage.documents import ProtocolInvalid
from booking.triage.places import Fault
from booking.triage.protocol import Protocol
from config.clock import PARIS, local_day
from schedules import nomenclature

WITH_FAULTS = 2
"""Exit status when some lines could not be answered."""

LONGEST_LINE = 256 * 1024

triage = AppGroup("triage", help="Questions et réponses du protocole en vigueur.")


@triage.command("questionnaire")
def questionnaire() -> None:
    """Écrire le questionnaire en JSON."""
    click.echo(json.dumps(exchange.questionnaire(_protocol()), ensure_ascii=False, indent=2))


@triage.command("assess")
@click.argument("lines", metavar="FICHIER", type=click.File("rb"))
def assess(lines: BinaryIO) -> None:
    """Évaluer des questionnaires remplis : une ligne JSON par personne, « - » pour l’entrée."""
    protocol, today = _protocol(), local_day(now(), PARIS)
    faults = 0
    for line in lines:
        if line.strip():
            answer = answered(line, protocol, today)
            faults += "error" in answer
            written = json.dumps(answer, ensure_ascii=False, allow_nan=False)
            # Half a surrogate pair, which JSON can spell and UTF-8 cannot, goes back as it came.
            click.echo(written.encode("utf-8", "backslashreplace"))
    if faults:
        raise SystemExit(WITH_FAULTS)


@triage.command("reading")
def reading_times() -> None:
    """Écrire combien dure la lecture de chaque motif à voix haute, sans les réponses."""
    times = reading.paths(_protocol())
    click.echo(
        f"{'mots':>5} {'sec.':>5} {'au plus':>8}  lecture à {reading.WORDS_A_MINUTE} mots/min"
    )
    for name, usual, most in (
        ("étape 1, à tous", times.universal, times.universal),
        ("étape 2, femme de 35 ans ; au plus", times.stage2, times.stage2_longest),
    ):
        click.echo(_times(usual, most, name))
    for path in times.each:
        click.echo(_times(path.typical, path.longest, path.title))
    click.echo(
        f"médiane {times.median_seconds:.0f} s ; "
        f"au plus {times.longest.longest.seconds} s ({times.longest.title})"
    )


def _times(usual: reading.Aloud, most: reading.Aloud, name: str) -> str:
    return f"{usual.words:>5} {usual.seconds:>5} {most.seconds:>8}  {name}"


def answered(line: bytes, protocol: Protocol, today: date) -> dict[str, object]:
    """Return what triage says of one line, or the same `id` with an `error` in French."""
    said: object = None
    try:
        said = _read(line)
        return exchange.answer(protocol, said, today)
    except exchange.BadInput as wrong:
        fault = str(wrong)
    except (ValueError, RecursionError):
        fault = "ligne : ce n’est pas du JSON"
    identifier = said.get("id") if isinstance(said, dict) else None
    known = {"id": identifier} if isinstance(identifier, str | int) else {}
    return {**known, "error": fault}


def _read(line: bytes) -> object:
    if len(line) > LONGEST_LINE:
        raise exchange.BadInput("ligne", "elle est trop longue")
    return json.loads(line, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _protocol() -> Protocol:
    protocol = equipment().delivered["fr"]
    if not protocol.is_in_force(local_day(now(), PARIS)):
        raise click.ClickException("Aucun protocole de triage n’est en vigueur aujourd’hui.")
    return protocol


@click.command("check-protocols")
@with_appcontext
def check_protocols() -> None:
    """Prouver chaque protocole de config/protocols ; échouer si l’un est fautif."""
    faults = 0
    for path in protocols.files():
        found = _faults_of(path)
        faults += len(found)
        click.echo(f"{path.name} : {'conforme' if not found else f'{len(found)} défaut(s)'}")
        if not found and not loading.load(path, protocols.laws()).reviewed_by:
            click.echo(
                "  - attention : personne ne l’a signé ici ; "
                "chaque communauté signe sa version à l’écran « Protocole »"
            )
        for fault in found:
            click.echo(f"  - {fault}")
    if faults:
        raise SystemExit(1)


def _faults_of(path: Path) -> list[Fault]:
    """Return all that is wrong with one protocol: its text, proofs, cases and translation."""
    try:
        protocol = loading.load(path, protocols.laws())
    except ProtocolInvalid as wrong:
        return list(wrong.faults)
    faults = proofs.prove(protocol, nomenclature.disciplines())
    for check in (_cases_of, _translation_of):
        try:
            faults += check(path, protocol)
        except ProtocolInvalid as wrong:
            faults += wrong.faults
    return faults


def _cases_of(path: Path, protocol: Protocol) -> list[Fault]:
    patients = path.with_name(f"{protocol.id}.cases.yaml")
    if not patients.exists():
        return [Fault(f"il n’y a pas de cas ({patients.name}) ; écrivez-les")]
    told = cases.load_cases(patients, protocol)
    return [*cases.missing(protocol, told), *cases.failures(protocol, told)]


def _translation_of(path: Path, protocol: Protocol) -> list[Fault]:
    english = path.with_suffix(".en.yaml")
    if english.exists():
        translation.translated(protocol, translation.load_translation(english))
    return []
