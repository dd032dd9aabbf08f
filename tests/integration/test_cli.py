"""The commands: the public contract of triage, and what installs and fills a community."""

import json
import shutil
from datetime import timedelta

import pytest
from sqlalchemy import BigInteger, Column, Table, func, select, text

from booking import accounts, cli, clients, protocols
from booking.app import create_app
from booking.cli import triage
from booking.extensions import db
from booking.models import Account, ApiClient, Role, SignInFailure
from booking.triage import cases
from booking.triage.protocol import Level
from config import schema
from config.database import Base
from config.settings import Settings
from schedules.models import Commune, Community, Professional
from tests import builders
from tests.clockwork import NOON
from tests.integration.test_annuaire import EXTRACT, HERE, THERE

CALM = {"age_years": 34, "sex": "male", "pregnant": "no"}


@pytest.fixture(scope="module")
def without_database(tmp_path_factory):
    """Run commands of an app whose database nobody listens at: touching it is an error."""
    nowhere = tmp_path_factory.mktemp("nowhere")
    settings = Settings(database_url=f"postgresql:///nobody?host={nowhere}")
    return create_app(settings, clock=lambda: NOON).test_cli_runner()


@pytest.fixture
def new_app():
    """Make apps of one's own; their connections end with the test."""
    made = []

    def new(*settings, **equipment):
        made.append(create_app(*settings, **equipment))
        return made[-1]

    yield new
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def run(app):
    runner = app.test_cli_runner()
    return lambda *words, typed=None: runner.invoke(args=list(words), input=typed)


def assessed(runner, *lines):
    typed = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    result = runner.invoke(args=["triage", "assess", "-"], input=typed)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def calm(complaint):
    """Return a line in which everything was answered, and nothing is wrong."""
    protocol = protocols.in_force(NOON.date())["fr"]
    asked = [*protocol.universal, *protocol.stage2, *protocol.by_complaint[complaint].questions]
    answers = {q.id: cases.calmly(q) for q in asked}
    return {"id": complaint, "patient": CALM, "complaints": [complaint], "answers": answers}


def test_the_questionnaire_is_the_protocols(without_database):
    result = without_database.invoke(args=["triage", "questionnaire"])

    said = json.loads(result.stdout)
    assert result.exit_code == 0
    assert set(said) == {"protocol", "version", "universal", "complaints"}
    assert {"id", "text", "kind"} <= set(said["universal"][0])
    assert {"id", "title", "questions"} <= set(said["complaints"][0])


def test_each_line_gets_its_answer_in_order_without_a_database(without_database):
    status, said = assessed(
        without_database, calm("trauma_membre"), {"patient": {}, "complaints": []}
    )

    assert status == 0
    assert said[0]["id"] == "trauma_membre"
    assert said[0]["level"] == Level.WITHIN_24H.name
    assert said[0]["deadline_hours"] == 24
    assert said[0]["professions"]
    assert {"reasons", "safety_net", "protocol", "version"} <= set(said[0])
    assert "id" not in said[1]
    assert said[1]["level"] == Level.CALL_15.name
    assert said[1]["deadline_hours"] is None


def test_blank_lines_are_nobody(without_database):
    assert assessed(without_database, b"", b"   ", b"") == (0, [])


@pytest.mark.parametrize(
    "line",
    [
        b"nope",
        b"[1]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"patient": {"age_years": NaN}}',
        b'{"patient": {"age_years": ' + b"9" * 5000 + b"}}",
        b'{"complaints": ["no such complaint"]}',
        b'{"patient": 3}',
        b'{"id": {}, "complaints": []}',
        b'"' + b"x" * 300_000 + b'"',
    ],
)
def test_a_wrong_line_is_an_error_and_the_others_are_still_answered(without_database, line):
    status, said = assessed(without_database, calm("mal_gorge"), line, calm("lombalgie"))

    assert status == triage.WITH_FAULTS == 2
    assert said[0]["level"]
    assert set(said[1]) == {"error"}
    assert said[2]["level"]


def test_a_wrong_line_keeps_its_name(without_database):
    status, said = assessed(without_database, {"id": "x7", "complaints": ["no such complaint"]})

    assert (status, said[0]["id"]) == (2, "x7")


def test_a_name_that_is_no_text_in_utf8_comes_back_as_it_came(without_database):
    status, said = assessed(without_database, rb'{"id": "\ud800", "complaints": []}')

    assert (status, said[0]["id"]) == (0, "\ud800")


def test_a_file_that_is_not_there_is_told(without_database):
    result = without_database.invoke(args=["triage", "assess", "/nowhere"])

    assert result.exit_code == 2
    assert "/nowhere" in result.stderr


def test_without_a_protocol_in_force_nobody_is_assessed(new_app, app_settings):
    late = new_app(app_settings, clock=lambda: NOON + timedelta(days=36_500))

    result = late.test_cli_runner().invoke(args=["triage", "assess", "-"], input=b"{}")

    assert result.exit_code == 1
    assert "Aucun protocole" in result.stderr


def test_a_file_that_is_no_protocol_is_told(without_database, monkeypatch, tmp_path):
    broken = tmp_path / "p.v1.yaml"
    broken.write_text("id: p", encoding="utf-8")
    monkeypatch.setattr(triage.protocols, "files", lambda: [broken])

    result = without_database.invoke(args=["check-protocols"])

    assert result.exit_code == 1
    assert "p.v1.yaml" in result.stdout


def test_a_protocol_without_cases_is_not_proved(without_database, monkeypatch, tmp_path):
    [published] = [p for p in protocols.files() if ".en" not in p.suffixes][:1]
    alone = tmp_path / published.name
    alone.write_bytes(published.read_bytes())
    monkeypatch.setattr(triage.protocols, "files", lambda: [alone])

    result = without_database.invoke(args=["check-protocols"])

    assert result.exit_code == 1
    assert "il n’y a pas de cas" in result.stdout


@pytest.fixture
def community(session):
    community = builders.a_community(session, slug="ambrelle")
    for insee in (HERE, THERE):
        session.add(
            Commune(
                community_id=community.id,
                insee=insee,
                name="Courvaux",
                postal_code="89990",
                latitude=47.7,
                longitude=3.4,
            )
        )
    session.commit()
    return community


@pytest.fixture
def directory(tmp_path):
    file = tmp_path / "PS_LibreAcces_Personne_activite_202711.txt"
    file.write_text(EXTRACT, encoding="utf-8")
    return file


def test_the_directory_is_imported_and_told(run, community, directory, session):
    result = run("import-directory", str(directory), "--community", "ambrelle")

    assert result.exit_code == 0
    assert "Lignes lues : 30, hors du territoire : 2." in result.stdout
    assert "Professionnels : 20 nouveaux, 0 modifiés, 0 inchangés." in result.stdout
    assert "numéro RPPS qui n’a pas 11 chiffres : 1" in result.stdout
    assert "99900000310" in result.stdout
    assert session.scalar(select(func.count()).select_from(Professional)) == 20


@pytest.mark.parametrize(
    ("options", "people"),
    [
        (("--departement", "89"), 20),
        (("--departement", "35"), 0),
        (("--departement", "35", "--departement", "89"), 20),
        (("--rpps", "99900000101", "--rpps", "99900000119"), 2),
        (("--rpps", "99900000101", "--departement", "2a"), 0),
    ],
)
def test_only_some_departements_or_people_are_wanted(  # noqa: PLR0917 - a table’s columns
    run, community, directory, session, options, people
):
    result = run("import-directory", str(directory), "--community", "ambrelle", *options)

    assert result.exit_code == 0
    assert session.scalar(select(func.count()).select_from(Professional)) == people


def test_what_the_directory_changed_is_told_without_names(run, community, directory):
    run("import-directory", str(directory), "--community", "ambrelle")
    directory.write_text(EXTRACT.replace("N'GUESSAN", "DUBOIS"), encoding="utf-8")

    result = run("import-directory", str(directory), "--community", "ambrelle")

    assert "Modifié : 99900000119 (family_name)." in result.stdout.replace("\u00a0", " ")
    assert "Dubois" not in result.output
    assert "clé du FINESS inattendue" in result.stdout
    assert "890999001" in result.stdout


def test_the_directory_of_everywhere_tells_which_communes_are_missing(run, community, directory):
    result = run("import-directory", str(directory), "--community", "ambrelle", "--everywhere")

    assert "Commune 35238 inconnue, donc sans position : 1 lieu(x) écarté(s)." in result.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        (EXTRACT.replace("Code profession", "Métier", 1).encode(), "code profession"),
        (EXTRACT.encode("latin-1"), "UTF-8"),
        (b"", "Il manque la colonne"),
    ],
)
def test_a_directory_that_cannot_be_read_is_refused_in_a_sentence(
    run, community, directory, session, wrong
):
    content, sentence = wrong
    directory.write_bytes(content)

    result = run("import-directory", str(directory), "--community", "ambrelle")

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert session.scalar(select(func.count()).select_from(Professional)) == 0


def test_a_community_that_is_not_there_is_told(run, directory):
    result = run("import-directory", str(directory), "--community", "nowhere")

    assert result.exit_code == 1
    assert "nowhere" in result.stderr


NEW = ["create-community", "vignes", "--name", "CPTS des Vignes", "--phone", "01 99 00 00 30"]


def test_a_community_is_made_once(run, session):
    first = run(*NEW, "--email", "a@vignes.example")
    again = run(*NEW, "--email", "a@vignes.example")

    assert (first.exit_code, again.exit_code) == (0, 1)
    assert session.scalars(select(Community.name)).all() == ["CPTS des Vignes"]


def test_a_community_overseas_has_its_own_zone(run, session):
    run(*NEW, "--email", "a@vignes.example", "--zone", "Indian/Reunion")
    wrong = run(*NEW, "--email", "a@vignes.example", "--zone", "Europe/Nowhere")

    assert session.scalars(select(Community.zone_name)).all() == ["Indian/Reunion"]
    assert wrong.exit_code == 1


ADMIN = [
    "create-admin",
    "--community",
    "ambrelle",
    "--name",
    "Odile",
    "--email",
    "o@ambrelle.example",
]
PASSWORD = "tilleul lampe orage 42"


def test_the_first_administrator_signs_in_with_the_password_that_was_typed(run, community, session):
    result = run(*ADMIN, typed=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    entered = accounts.sign_in(
        session, "o@ambrelle.example", PASSWORD, address="127.0.0.1", secret=b"s", now=NOON
    )
    assert accounts.who(session, entered.token, now=NOON).role is Role.ADMINISTRATOR


@pytest.mark.parametrize(
    ("password", "sentence"),
    [("court", "12 caractères"), ("motdepasse1234", "trop courant")],
)
def test_a_weak_password_is_refused_with_the_reason(run, community, session, password, sentence):
    result = run(*ADMIN, typed=f"{password}\n{password}\n")

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert session.scalars(select(Account)).all() == []


def test_an_address_has_one_account(run, community):
    run(*ADMIN, typed=f"{PASSWORD}\n{PASSWORD}\n")

    again = run(*ADMIN, typed=f"{PASSWORD}\n{PASSWORD}\n")

    assert again.exit_code == 1
    assert "déjà un compte" in again.stderr


def test_an_address_that_is_none_is_refused(run, community):
    result = run(
        *["create-admin", "--community", "ambrelle", "--email", "odile", "--name", "O"],
        typed=f"{PASSWORD}\n{PASSWORD}\n",
    )

    assert result.exit_code == 1
    assert "adresse électronique" in result.stderr


def test_a_key_is_shown_once_and_opens_its_community(run, community, session):
    result = run("create-api-client", "--community", "ambrelle", "--name", "Standard")

    key = result.stdout.strip()
    assert clients.client_of(session, key).community.slug == "ambrelle"
    assert key.encode() not in session.scalars(select(ApiClient.key_hash)).one()


def test_a_key_is_made_for_some_things_listed_without_being_shown_and_revoked(
    run, community, session
):
    key = run(
        *["create-api-client", "--community", "ambrelle", "--name", "Standard"],
        *["--scope", "slots:read", "--scope", "requests:write"],
    ).stdout.strip()
    listed = run("list-api-clients", "--community", "ambrelle").stdout
    reference = listed.split()[0]

    ended = [run("revoke-api-client", "--community", "ambrelle", reference) for _ in range(2)]

    assert "valable  requests:write slots:read  Standard" in listed
    assert key not in listed
    assert [result.exit_code for result in ended] == [0, 1]
    assert "Aucune clé valable" in ended[1].stderr
    assert clients.client_of(session, key) is None
    assert "révoquée le" in run("list-api-clients", "--community", "ambrelle").stdout


def test_a_key_for_what_nobody_knows_is_not_made(run, community, session):
    result = run(
        *["create-api-client", "--community", "ambrelle", "--name", "S", "--scope", "everything"]
    )

    assert result.exit_code == 2
    assert session.scalars(select(ApiClient)).all() == []


def test_forgetting_tells_how_much_it_was(run, session):
    session.add(SignInFailure(who_hash=b"w", at=NOON - timedelta(days=2)))
    session.commit()

    result = run("forget")

    assert "échecs de connexion : 1" in result.stdout


def test_the_demonstration_is_made_once_and_told(new_app, app_settings, engine, tmp_path):
    settings = app_settings.model_copy(update={"var": tmp_path / "var"})
    runner = new_app(settings, clock=lambda: NOON).test_cli_runner()

    first = runner.invoke(args=["seed-demo"])
    again = runner.invoke(args=["seed-demo"])

    assert first.exit_code == 0
    told = json.loads((tmp_path / "var" / "demo.json").read_text(encoding="utf-8"))
    assert all(a["password"] in first.stdout for a in told["accounts"])
    assert {a["role"] for a in told["accounts"]} == {role.value.lower() for role in Role}
    assert (tmp_path / "var" / "demo.json").stat().st_mode & 0o077 == 0
    assert again.exit_code == 1
    assert "existe déjà" in again.stderr


def test_production_has_no_demonstration(new_app, app_settings, session):
    settings = app_settings.model_copy(
        update={"jourmeme_env": "production", "public_base_url": "https://localhost"}
    )
    app = new_app(settings, clock=lambda: NOON, senders={})

    result = app.test_cli_runner().invoke(args=["seed-demo"])

    assert result.exit_code == 1
    assert "production" in result.stderr
    assert session.scalars(select(Community)).all() == []


def test_a_database_that_does_not_answer_is_told_in_a_sentence(without_database):
    result = without_database.invoke(args=["forget"])

    assert result.exit_code == 1
    assert result.stderr == "Error: La base de données ne répond pas.\n"


def test_a_database_without_tables_is_told_and_mended_by_upgrade(new_app, new_database):
    url = new_database().render_as_string(hide_password=False)
    runner = new_app(Settings(database_url=url), clock=lambda: NOON).test_cli_runner()

    before = runner.invoke(args=["forget"])
    upgraded = runner.invoke(args=["upgrade"])
    after = runner.invoke(args=["forget"])

    assert "flask --app wsgi upgrade" in before.stderr
    assert (upgraded.exit_code, after.exit_code) == (0, 0)


def test_every_command_says_what_it_is_for():
    assert all(command.help or command.short_help for command in cli.COMMANDS)


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """A copy of the migrations, for a command that writes one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(schema, "FOLDER", folder)
    return folder / "versions"


@pytest.fixture
def another_table():
    """A table that the code describes, and no migration makes."""
    table = Table("left_out", Base.metadata, Column("id", BigInteger, primary_key=True))
    yield table
    Base.metadata.remove(table)


def test_a_migration_is_drafted_with_the_next_number(run, steps, another_table):
    last = max(int(step.name[:4]) for step in steps.glob("[0-9]*.py"))

    result = run("draft-migration", "one more table")

    [written] = steps.glob(f"{last + 1:04}_*.py")
    assert result.exit_code == 0
    assert written.name in result.stdout
    assert f"down_revision = '{last:04}'" in written.read_text(encoding="utf-8")
    assert f"create_table('{another_table.name}'" in written.read_text(encoding="utf-8")


def test_a_migration_without_a_word_or_on_old_tables_is_not_drafted(run, steps, session):
    nameless = run("draft-migration", "")
    session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    session.commit()
    try:
        late = run("draft-migration", "one more table")
    finally:
        session.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": head(steps)})
        session.commit()

    assert (nameless.exit_code, late.exit_code) == (1, 1)
    assert "Dites ce qui change" in nameless.stderr
    assert "upgrade" in late.stderr


def head(steps):
    return max(step.name[:4] for step in steps.glob("[0-9]*.py"))


TOWNS = "insee,name,postal_code,latitude,longitude\n"
TWO_TOWNS = f'{TOWNS}89901,Ambrelle,89990,47.75,3.4\n2A902,"Courvaux, le Haut",20999,41.9,-8.7\n'


@pytest.fixture
def towns(tmp_path, session):
    """Write a table of communes for a community that has none, and import it."""
    builders.a_community(session, slug="vignes")
    session.commit()
    file = tmp_path / "communes.csv"

    def written(content):
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ["import-communes", str(file), "--community", "vignes"]

    return written


def known(session):
    session.expire_all()
    rows = session.execute(select(Commune.insee, Commune.name, Commune.latitude, Commune.longitude))
    return {tuple(row) for row in rows}


def test_communes_are_imported_and_imported_again(run, towns, session):
    first = run(*towns(TWO_TOWNS))
    again = run(*towns(TWO_TOWNS.replace("47.75", "47.76")))

    assert first.stdout == "Communes : 2 nouvelles, 0 modifiées, 0 inchangées.\n"
    assert again.stdout == "Communes : 0 nouvelles, 1 modifiées, 1 inchangées.\n"
    assert known(session) == {
        ("89901", "Ambrelle", 47.76, 3.4),
        ("2A902", "Courvaux, le Haut", 41.9, -8.7),
    }


def test_communes_come_as_a_french_spreadsheet_writes_them(run, towns, session):
    header = "\ufeffLongitude;INSEE;Name;Postal_code;latitude;note\r\n"

    result = run(*towns(f"{header}3,4;89901;Ambrelle;89990;47,75;x\r\n;;;;;\r\n"))

    assert result.exit_code == 0
    assert known(session) == {("89901", "Ambrelle", 47.75, 3.4)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "Il manque la colonne « insee »"),
        ("insee,name,postal_code,latitude\n", "Il manque la colonne « longitude »"),
        (f"{TOWNS}1234,Ambrelle,89990,47.7,3.4\n", "Ligne 2, colonne « insee »"),
        (f"{TOWNS}89901,,89990,47.7,3.4\n", "Ligne 2, colonne « name »"),
        (f"{TOWNS}89901,Ambrelle,8999,47.7,3.4\n", "Ligne 2, colonne « postal_code »"),
        (f"{TOWNS}89901,Ambrelle,89990,nan,3.4\n", "Ligne 2, colonne « latitude »"),
        (f"{TOWNS}89901,Ambrelle,89990,90.1,3.4\n", "Ligne 2, colonne « latitude »"),
        (f"{TOWNS}89901,Ambrelle,89990,47.7\n", "Ligne 2, colonne « longitude »"),
        (f"{TWO_TOWNS}89901,Encore,89990,47.7,3.4\n", "Ligne 4, colonne « insee »"),
        (f"{TOWNS}89901,Évaux,89990,47.7,3.4\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_communes_with_a_wrong_line_are_all_left_out(run, towns, session, content, sentence):
    result = run(*towns(content))

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert known(session) == set()


def test_an_unsigned_protocol_is_told_and_no_fault(without_database):
    result = without_database.invoke(args=["check-protocols"])

    assert result.exit_code == 0
    assert "personne ne l’a signé" in result.stdout


def test_how_long_each_complaint_takes_to_read_is_a_table(without_database):
    result = without_database.invoke(args=["triage", "reading"])

    lines = result.stdout.splitlines()
    protocol = protocols.in_force(NOON.date())["fr"]
    assert result.exit_code == 0
    assert "160 mots/min" in lines[0]
    assert [line[22:] for line in lines[3:-1]] == [c.title for c in protocol.complaints]
    assert lines[-1].startswith("médiane ")


def test_a_line_with_free_text_is_told_which_signs_to_ask_again(without_database):
    status, said = assessed(
        without_database, calm("trauma_membre") | {"text": "j'étouffe, mal à la poitrine"}
    )

    assert status == 0
    assert {"u_respiration", "u_poitrine"} <= set(said[0]["reask"])
    assert said[0]["level"] == Level.WITHIN_24H.name


def checked(runner, monkeypatch, folder, part, change):
    """Return what check-protocols says of the published files with one text of them changed."""
    newest = protocols.files()[-1]
    cases_file = newest.with_name("soins-non-programmes.cases.yaml")
    for path in (newest, newest.with_suffix(".en.yaml"), cases_file):
        (folder / path.name).write_bytes(path.read_bytes())
    changed = (
        folder
        / {"protocol": newest, "cases": cases_file}.get(part, newest.with_suffix(".en.yaml")).name
    )
    changed.write_text(change(changed.read_text(encoding="utf-8")), encoding="utf-8")
    monkeypatch.setattr(triage.protocols, "files", lambda: [folder / newest.name])
    return changed.name, runner.invoke(args=["check-protocols"])


@pytest.mark.parametrize(
    ("part", "written", "mistaken", "sentence"),
    [
        ("protocol", "otherwise: WITHIN_24H", "otherwise: BIENTOT", "n'est pas un niveau"),
        ("cases", "level: SAME_DAY", "level: BIENTOT", "n'est pas un niveau"),
        ("english", "  u_conscience:", "  u_conscienc:", "vouliez-vous dire « u_conscience »"),
    ],
)
def test_each_file_of_a_protocol_is_told_with_its_line(  # noqa: PLR0917 - a table's columns
    without_database, monkeypatch, tmp_path, part, written, mistaken, sentence
):
    name, result = checked(
        without_database,
        monkeypatch,
        tmp_path,
        part,
        lambda text: text.replace(written, mistaken, 1),
    )

    assert result.exit_code == 1
    assert f"{name}, ligne " in result.stdout
    assert sentence in result.stdout


def test_too_few_cases_are_told(without_database, monkeypatch, tmp_path):
    _, result = checked(
        without_database,
        monkeypatch,
        tmp_path,
        "cases",
        lambda text: text[: len(text) // 8].rpartition("\n")[0],
    )

    assert result.exit_code == 1
    assert "écrivez-en au moins 250" in result.stdout
