"""The national directory's file, as it comes: many rows a person, strange columns, broken lines."""

import io
import zipfile

import pytest
from sqlalchemy import func, select

from schedules import annuaire, nomenclature
from schedules.annuaire import keeping
from schedules.annuaire.file import has_right_finess_key, has_right_key
from schedules.models import Commune, Enablement, Professional, ProfessionalSite, Site
from tests import builders

HEADER = (
    "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Code civilité d'exercice|"
    "Libellé civilité d'exercice|Code civilité|Libellé civilité|Nom d'exercice|Prénom d'exercice|"
    "Code profession|Libellé profession|Code catégorie professionnelle|"
    "Libellé catégorie professionnelle|Code type savoir-faire|Libellé type savoir-faire|"
    "Code savoir-faire|Libellé savoir-faire|Code mode exercice|Libellé mode exercice|"
    "Numéro SIRET site|Numéro SIREN site|Numéro FINESS site|"
    "Numéro FINESS établissement juridique|Identifiant technique de la structure|"
    "Raison sociale site|Enseigne commerciale site|"
    "Complément destinataire (coord. structure)|"
    "Complément point géographique (coord. structure)|Numéro Voie (coord. structure)|"
    "Indice répétition voie (coord. structure)|Code type de voie (coord. structure)|"
    "Libellé type de voie (coord. structure)|Libellé Voie (coord. structure)|"
    "Mention distribution (coord. structure)|Bureau cedex (coord. structure)|"
    "Code postal (coord. structure)|Code commune (coord. structure)|"
    "Libellé commune (coord. structure)|Code pays (coord. structure)|"
    "Libellé pays (coord. structure)|Téléphone (coord. structure)|"
    "Téléphone 2 (coord. structure)|Télécopie (coord. structure)|"
    "Adresse e-mail (coord. structure)|Code Département (structure)|"
    "Libellé Département (structure)|Ancien identifiant de la structure|"
    "Autorité d'enregistrement|Code secteur d'activité|Libellé secteur d'activité|"
    "Code section tableau pharmaciens|Libellé section tableau pharmaciens|Code rôle|Libellé rôle|"
    "Code genre activité|Libellé genre activité|"
)
COLUMNS = HEADER.rstrip("|").split("|")
"""The 56 columns, in the order of the national file; each line ends with one more bar."""

HERE, THERE, FAR = "89901", "89902", "35238"

HOUSE = {
    "Identifiant technique de la structure": "R10100000899001",
    "Numéro FINESS site": "890999001",
    "Raison sociale site": "SISA MAISON DE SANTE DE L'AMBRELLE",
    "Enseigne commerciale site": "MAISON DE SANTÉ DE L'AMBRELLE",
    "Numéro Voie (coord. structure)": "12",
    "Indice répétition voie (coord. structure)": "B",
    "Libellé type de voie (coord. structure)": "Rue",
    "Libellé Voie (coord. structure)": "DES LAVOIRS",
    "Code postal (coord. structure)": "89990",
    "Code commune (coord. structure)": HERE,
    "Libellé commune (coord. structure)": "AMBRELLE-LE-CHÂTEAU",
    "Téléphone (coord. structure)": "0199001201",
    "Code secteur d'activité": "SA52",
}
PHARMACY = {
    "Identifiant technique de la structure": "R10100000899002",
    "Raison sociale site": "PHARMACIE DU PONT",
    "Numéro Voie (coord. structure)": "3",
    "Libellé type de voie (coord. structure)": "Place",
    "Libellé Voie (coord. structure)": "du Marché",
    "Code postal (coord. structure)": "89991",
    "Code commune (coord. structure)": THERE,
    "Libellé commune (coord. structure)": "COURVAUX",
    "Téléphone (coord. structure)": "01 99 00 12 02",
    "Code secteur d'activité": "SA33",
}
ALONE = {
    "Code postal (coord. structure)": "89990",
    "Code commune (coord. structure)": HERE,
    "Mention distribution (coord. structure)": "Le Bourg",
    "Code secteur d'activité": "SA07",
}
ELSEWHERE = {
    **HOUSE,
    "Identifiant technique de la structure": "R3",
    "Code commune (coord. structure)": FAR,
}
CAPACITY = {"Code savoir-faire": "C45", "Code type savoir-faire": "C"}


def a_row(rpps, family, given, profession, speciality="", *, place=HOUSE, **but):
    said = {
        "Type d'identifiant PP": "8",
        "Identifiant PP": rpps,
        "Identification nationale PP": f"8{rpps}",
        "Code civilité d'exercice": "DR" if profession == "10" else "",
        "Nom d'exercice": family,
        "Prénom d'exercice": given,
        "Code profession": profession,
        "Code type savoir-faire": "S" if speciality else "",
        "Code savoir-faire": speciality,
        "Code mode exercice": "L",
        **place,
        **but,
    }
    return "|".join(said.get(column, "") for column in COLUMNS) + "|"


EXTRACT = "\n".join([
    HEADER,
    a_row("99900000101", "DA SILVA", "INÈS", "10", "SM54"),
    a_row("99900000101", "DA SILVA", "INÈS", "10", "SM54", place=PHARMACY),
    a_row("99900000119", "N'GUESSAN", "AYA", "10", "SM40"),
    a_row("99900000127", "LE GOFF", "YANN", "10", "SM26"),
    a_row("99900000127", "LE GOFF", "YANN", "10", **CAPACITY),
    a_row("99900000135", "HADDAD", "SAMIR", "21", place=PHARMACY),
    a_row("99900000143", "KOWALSKI", "ANNA", "21", place=PHARMACY),
    a_row("99900000150", "Moreau-Petit", "Jean-Luc", "40", "SCD01", place=ALONE),
    a_row("99900000168", "NDIAYE", "FATOU", "50"),
    a_row("99900000176", "FERRARI", "LUCA", "60"),
    a_row("99900000184", "ROUX", "MARIE", "60", "SI01"),
    a_row("99900000192", "BENALI", "KARIM", "70", place=ALONE),
    a_row("99900000200", "TRAN", "LINH", "70"),
    a_row("99900000218", "GARNIER", "LOUISE", "80"),
    a_row("99900000226", "COHEN", "DAVID", "91"),
    a_row("99900000234", "LOPEZ", "CARMEN", "92"),
    a_row("99900000242", "PETIT", "HUGO", "10", "SM38"),
    a_row("99900000259", "SCHMITT", "EVA", "10", "SM15"),
    a_row("99900000267", "DIALLO", "MAMADOU", "10", "SM54", place=ELSEWHERE),
    a_row("99900000275", "BLANC", "ALICE", "60", place=ELSEWHERE),
    a_row("99900000283", "FAURE", "PAUL", "28"),
    a_row("99900000291", "MEYER", "JULIE", "86"),
    a_row("99900000309", "ANDRE", "CHLOÉ", "10", "SM24"),
    a_row("99900000310", "WRONG", "KEY", "60"),
    a_row("9990000032", "COURT", "NUMÉRO", "60"),
    a_row("890001234", "ADELI", "LÉA", "70", **{"Type d'identifiant PP": "0"}),
    a_row("99900000333", "", "PERSONNE", "60"),
    "8|99900000341|trop court|",
    a_row("99900000358", "L'\"HÔTE\"", "ZOÉ", "60"),
    a_row("99900000366", "OKAFOR", "CHIDI", "10", "SM59"),
])  # fmt: skip
"""Thirty rows, of which one is the header and two are about another territory."""


@pytest.fixture
def community(session):
    community = builders.a_community(session)
    for insee, name, latitude in ((HERE, "Ambrelle-le-Château", 47.75), (THERE, "Courvaux", 47.78)):
        session.add(
            Commune(
                community_id=community.id,
                insee=insee,
                name=name,
                postal_code="89990",
                latitude=latitude,
                longitude=3.4,
            )
        )
    session.flush()
    return community


def keep(session, community, text=EXTRACT, **how):
    return annuaire.keep(session, community, io.StringIO(text, newline=""), **how)


def person(session, rpps):
    return session.scalars(select(Professional).where(Professional.rpps == rpps)).one()


def test_a_professional_comes_with_name_discipline_and_each_of_their_places(session, community):
    keep(session, community)

    ines = person(session, "99900000101")
    assert ines.name == "Dr Inès Da Silva"
    assert (ines.profession, ines.speciality, ines.discipline) == ("10", "SM54", "MG")
    places = session.scalars(
        select(Site.name)
        .join(ProfessionalSite, ProfessionalSite.site_id == Site.id)
        .where(ProfessionalSite.professional_id == ines.id)
        .order_by(Site.name)
    ).all()
    assert places == ["Maison de Santé de l'Ambrelle", "Pharmacie du Pont"]


def test_a_place_comes_with_its_address_and_lies_in_its_commune(session, community):
    keep(session, community)

    house = session.scalars(select(Site).where(Site.finess == "890999001")).one()
    assert house.address == "12 b rue des Lavoirs, 89990 Ambrelle-le-Château"
    assert (house.structure, house.phone) == ("603", "01 99 00 12 01")
    assert (house.latitude, house.longitude) == (47.75, 3.4)


STREET = {
    "Libellé type de voie (coord. structure)": "Rue",
    "Libellé Voie (coord. structure)": "DU PUITS",
}
SIGNED = {**ALONE, **STREET, "Identifiant technique de la structure": "R77"}


@pytest.mark.parametrize(
    ("sign", "place", "name"),
    [
        ("", ALONE, "Cabinet, Le Bourg"),
        ("", ALONE | STREET, "Cabinet, rue du Puits"),
        ("CABINET DU DR ÉLOI-DUPRÉ", SIGNED, "Cabinet, rue du Puits"),
        ("Selarl Dupre", SIGNED, "Cabinet, rue du Puits"),
        ("CABINET DU PUITS", SIGNED, "Cabinet du Puits"),
        (
            "PHARMACIE DUPRÉ",
            SIGNED | {"Code secteur d'activité": "SA33"},
            "Pharmacie, rue du Puits",
        ),
    ],
)
def test_a_place_never_bears_the_name_of_who_works_there(session, community, sign, place, name):
    place = {**place, "Enseigne commerciale site": sign}

    keep(
        session,
        community,
        f"{HEADER}\n{a_row('99900000101', 'ELOI-DUPRE', 'INÈS', '10', place=place)}",
    )

    assert session.scalars(select(Site.name)).all() == [name]


def test_a_place_named_after_one_of_two_is_called_after_its_street_for_both(session, community):
    place = {**SIGNED, "Raison sociale site": "SELARL DUPRÉ"}
    rows = [
        HEADER,
        a_row("99900000101", "DUPRÉ", "INÈS", "10", place=place),
        a_row("99900000119", "N'GUESSAN", "AYA", "10", place=place),
    ]

    keep(session, community, "\n".join(rows))

    assert session.scalars(select(Site.name)).all() == ["Cabinet, rue du Puits"]


@pytest.mark.parametrize(
    ("rpps", "discipline"),
    [
        ("99900000119", "PED"),
        ("99900000127", "MG"),
        ("99900000135", "PH"),
        ("99900000150", "CD"),
        ("99900000168", "SF"),
        ("99900000176", "IDE"),
        ("99900000184", "IPA"),
        ("99900000192", "MK"),
        ("99900000242", "OPH"),
        ("99900000309", "GASTRO"),
        ("99900000366", "CSNP"),
    ],
)
def test_codes_of_profession_and_speciality_make_a_discipline(session, community, rpps, discipline):
    keep(session, community)

    assert person(session, rpps).discipline == discipline


def test_a_speciality_that_no_discipline_names_is_a_specialist_doctor():
    assert nomenclature.discipline_of("10", "SM29") == "MED"


def test_a_capacity_is_no_speciality(session, community):
    keep(session, community)

    assert person(session, "99900000127").speciality == "SM26"


def test_everything_left_out_is_counted_with_its_reason(session, community):
    kept = keep(session, community)

    assert kept.reading.rows == 30
    assert kept.reading.elsewhere == 2
    assert kept.reading.refused == {"rpps": 1, "identifier": 1, "name": 1, "fields": 1}
    assert kept.professions_unserved == {"28": 1, "86": 1}
    assert kept.professionals == {"new": 20}
    assert kept.places == {"new": 4}


def test_a_number_whose_key_is_wrong_is_kept_and_told(session, community):
    kept = keep(session, community)

    assert "99900000310" in kept.wrong_keys
    assert person(session, "99900000310").family_name == "Wrong"


def test_quotation_marks_are_letters(session, community):
    keep(session, community)

    assert person(session, "99900000358").family_name == 'L\'"Hôte"'


def test_reading_the_same_file_twice_changes_nothing(session, community):
    first = keep(session, community)

    again = keep(session, community)

    assert again.professionals == {"same": first.professionals["new"]}
    assert again.places == {"same": first.places["new"]}
    assert session.scalar(select(func.count()).select_from(Professional)) == 20


def test_an_update_keeps_what_people_declared_here(session, community):
    keep(session, community)
    aya = person(session, "99900000119")
    aya.email = "aya@ambrelle.example"
    builders.an_enablement(session, aya, "protocole-cystite")

    kept = keep(session, community, EXTRACT.replace("N'GUESSAN", "N'GUESSAN-ROCHE"))

    session.refresh(aya)
    assert aya.family_name == "N'Guessan-Roche"
    assert aya.email == "aya@ambrelle.example"
    assert session.scalars(select(Enablement.code)).all() == ["protocole-cystite"]
    assert kept.professionals["changed"] == 1


def test_a_place_that_somebody_entered_by_hand_is_found_by_its_finess(session, community):
    ours = builders.a_site(session, community, finess="890999001", latitude=47.123)

    kept = keep(session, community)

    session.refresh(ours)
    assert ours.phone == "01 99 00 12 01"
    assert ours.latitude == 47.123
    assert kept.places == {"new": 3, "changed": 1}


def test_columns_are_found_by_name_in_any_order_and_new_ones_do_not_matter(session, community):
    names = ["Colonne de demain", *reversed(COLUMNS)]
    rows = [dict(zip(COLUMNS, line.split("|"), strict=False)) for line in EXTRACT.split("\n")[1:3]]
    text = "\n".join(["|".join(names), *("|".join(r.get(n, "x") for n in names) for r in rows)])

    kept = keep(session, community, text)

    assert kept.professionals == {"new": 1}


def test_a_file_without_a_needed_column_is_refused_by_that_columns_name(session, community):
    with pytest.raises(annuaire.ColumnMissing) as refused:
        keep(session, community, EXTRACT.replace("Code profession", "Code métier", 1))

    assert refused.value.column == "code profession"


def test_an_empty_file_is_refused(session, community):
    with pytest.raises(annuaire.ColumnMissing):
        keep(session, community, "")


def test_a_file_that_is_no_text_is_refused(session, community, tmp_path):
    (tmp_path / "table").write_bytes(EXTRACT.encode("latin-1"))

    with (
        annuaire.opened(tmp_path / "table") as lines,
        pytest.raises(annuaire.FileUnreadable),
    ):
        annuaire.keep(session, community, lines)


def test_the_daily_archive_is_opened_as_it_comes(session, community, tmp_path):
    with zipfile.ZipFile(tmp_path / "PS_LibreAcces_202711.zip", "w") as archive:
        archive.writestr("PS_LibreAcces_Dipl_AutExerc_202711.txt", "other|")
        archive.writestr("PS_LibreAcces_Personne_activite_202711.txt", "\ufeff" + EXTRACT)

    with annuaire.opened(tmp_path / "PS_LibreAcces_202711.zip") as lines:
        kept = annuaire.keep(session, community, lines)

    assert kept.professionals["new"] == 20


def test_an_open_file_knows_how_far_it_was_read(tmp_path):
    file = tmp_path / "table"
    file.write_text(EXTRACT, encoding="utf-8")

    with annuaire.opened(file) as lines:
        assert lines.read() == 0
        assert len(list(lines)) == 31
        assert lines.read() == lines.size == file.stat().st_size


@pytest.mark.parametrize(
    ("finess", "is_right"),
    [("950047225", True), ("950046227", True), ("810004421", False), ("2A0000016", True)],
)
def test_the_key_of_a_finess_is_known_also_in_corsica(finess, is_right):
    assert has_right_finess_key(finess) is is_right


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "")

    with pytest.raises(annuaire.FileUnreadable), annuaire.opened(tmp_path / "other.zip"):
        pass


def test_everywhere_keeps_people_and_leaves_out_places_that_are_on_no_map(session, community):
    kept = keep(session, community, everywhere=True)

    assert person(session, "99900000267").family_name == "Diallo"
    assert kept.communes_unknown == {FAR: 1}


def test_a_community_without_communes_takes_every_row(session):
    kept = keep(session, builders.a_community(session))

    assert kept.reading.elsewhere == 0
    assert kept.professionals == {"new": 22}


def test_a_file_of_the_whole_country_is_refused_before_it_fills_the_memory(
    session, community, monkeypatch
):
    monkeypatch.setattr(keeping, "MOST_ACTIVITIES", 10)

    with pytest.raises(annuaire.TooMuch):
        keep(session, community)


def test_two_communities_keep_the_same_person_each_for_themselves(session, community):
    other = builders.a_community(session)

    keep(session, community)
    keep(session, other)

    assert (
        session.scalar(
            select(func.count()).select_from(Professional).where(Professional.rpps == "99900000101")
        )
        == 2
    )


@pytest.mark.parametrize("rpps", ["10002909371", "10005681340", "99700427885"])
def test_the_key_fits_the_numbers_that_the_state_publishes(rpps):
    assert has_right_key(rpps)
    assert not has_right_key(rpps[:-1] + str((int(rpps[-1]) + 1) % 10))
