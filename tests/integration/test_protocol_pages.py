"""Screen C3 as a medical committee meets it: read, change, try, compare, sign, take back."""

import io
import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from booking.governance import versions
from booking.models import Account, Act, GovernanceAct, ProtocolVersion, Role, VersionStatus
from schedules.models import Community
from tests.builders import a_community, a_professional, a_site
from tests.clockwork import NOON
from tests.governing import a_coordinator, a_draft, signed, tried
from tests.small_protocol import DOCUMENT, FIRST
from tests.staffing import an_account, signed_in, words

HOME = "/protocole"


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def author(session, community):
    return a_coordinator(session, community, "Anne Aubry")


@pytest.fixture
def approver(session, community):
    return a_coordinator(session, community, "Benoît Blin")


@pytest.fixture
def anne(app, session, author):
    session.commit()
    return signed_in(app, author)


@pytest.fixture
def benoit(app, session, approver):
    session.commit()
    return signed_in(app, approver)


@pytest.fixture
def draft(session, author):
    made = a_draft(session, author)
    session.commit()
    return made


def at(version, *parts):
    return "/".join((HOME, "versions", str(version.reference), *parts))


def fresh(session, version):
    session.rollback()
    return versions.by_reference(session, version.community_id, version.reference)


def block_of(page):
    return re.search(r'<textarea[^>]*id="text"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL)[1]


def seen(page):
    return re.search(r'name="seen" value="([^"]*)"', page.text)[1]


def kept(client, version, name, **fields):
    """Edit a block as a browser does: what was seen goes back with it."""
    page = client.get(at(version, "modifier", name))
    return client.post(at(version, "modifier", name), data={"seen": seen(page), **fields})


def test_the_delivered_version_is_offered_as_the_first_draft(session, anne, protocol):
    page = anne.get(HOME)
    answer = anne.post(f"{HOME}/importer")

    assert "Importer la version livrée" in words(page)
    assert answer.status_code == 303
    [made] = session.scalars(select(ProtocolVersion)).all()
    assert made.digest == protocol.digest
    assert made.number == protocol.version


def test_a_version_reads_in_clinicians_words(anne, draft):
    said = words(anne.get(at(draft)))

    assert "Très grande difficulté à respirer → oui : Urgence vitale : le 15" in said
    assert "Posée si : moins de 3 mois" in said
    assert "Mal de gorge" in said


def test_a_part_to_edit_is_called_by_the_complaints_title_and_not_its_code(anne, draft):
    assert "Motif « Mal de gorge »" in words(anne.get(at(draft)))
    assert "Motif « Mal de gorge »" in words(anne.get(at(draft, "modifier", "motif:gorge")))


def test_who_edits_sees_what_reading_aloud_costs(anne, draft):
    said = words(anne.get(at(draft, "modifier", "universal")))

    assert "1 signe, 5 mots, 2 s à voix haute" in said
    assert "1 signe, 5 mots, 2 s à voix haute" in words(anne.get(at(draft)))


def test_a_sign_too_many_words_long_is_told_at_once(anne, draft):
    text = DOCUMENT[DOCUMENT.index("universal:") : DOCUMENT.index("stage2:")]
    longer = text.replace("Très grande", "Très, mais alors très très très très grande")

    answer = kept(anne, draft, "universal", text=longer)

    assert answer.status_code == 422
    assert "u_souffle" in words(answer)
    assert re.search(r"u_souffle » a \d+ mots", words(answer)), words(answer)


def test_a_complaint_reads_whole(anne, draft):
    said = words(anne.get(at(draft, "motifs", "gorge")))

    assert "Salive impossible à avaler ? → oui : Urgence vitale : le 15" in said
    assert "Si « Fièvre de 38 °C ou plus ? » oui → Le jour même" in said
    assert "Si rien de cela n’est vrai : Sous 24 heures" in said
    assert "Médecin généraliste" in said
    assert "Choix du comité (2027-01)" in said
    assert "Appelez le 15 si avaler ou respirer devient difficile." in said


def test_all_of_it_stands_on_one_page_to_print(anne, draft):
    said = words(anne.get(at(draft, "complet")))

    for expected in ("Mal de gorge", "Autre chose", "Restez près de la personne", draft.digest):
        assert expected in said


def test_its_file_is_the_text_letter_for_letter(anne, draft):
    answer = anne.get(at(draft, "protocole.yaml"))

    assert answer.data.decode() == DOCUMENT
    assert "attachment" in answer.headers["Content-Disposition"]


def test_one_block_is_edited_and_the_rest_stays_letter_for_letter(session, anne, draft):
    page = anne.get(at(draft, "modifier", "motif:gorge"))
    block = block_of(page)
    assert block.startswith("- id: gorge\n  title: ")
    changed = re.sub("&#34;|&quot;", '"', block).replace("Mal de gorge", "Gorge qui fait mal")
    changed = changed.replace("&#39;", "'")

    answer = kept(
        anne, draft, "motif:gorge", text=changed.replace("\n", "\r\n"), cases=_cases(page)
    )

    assert answer.status_code == 303
    assert fresh(session, draft).document == DOCUMENT.replace("Mal de gorge", "Gorge qui fait mal")


def _cases(page):
    found = re.search(r'<textarea[^>]*id="cases"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL)[1]
    return found.replace("&#34;", '"').replace("&#39;", "'")


def test_what_is_no_yaml_is_not_kept_and_not_lost(session, anne, draft):
    typed = '- id: gorge\n  title: "Mal de gorge\n  ceci: [n’est pas fini\n'

    answer = kept(anne, draft, "motif:gorge", text=typed, cases="")

    assert answer.status_code == 422
    assert re.search(r"Ligne \d+ : ce texte n’est pas du YAML", words(answer))
    assert "ceci: [n’est pas fini" in answer.text
    assert fresh(session, draft).document == DOCUMENT


def test_a_fault_is_kept_in_the_draft_and_told_beside_the_field(session, anne, draft):
    block = DOCUMENT[DOCUMENT.index("  - id: gorge") : DOCUMENT.index("\n  - id: autre")]

    answer = kept(anne, draft, "motif:gorge", text=block.replace("- fievre", "- fievr"), cases="")

    assert answer.status_code == 422
    assert "Enregistré dans le brouillon, avec des défauts à corriger" in words(answer)
    assert re.search(r"ligne 8 de ce bloc : [^.]*« fievr »", words(answer)), words(answer)
    assert "- fievr\n" in fresh(session, draft).document
    again = kept(anne, draft, "motif:gorge", text=block, cases="")
    assert again.status_code == 303


def test_a_complaint_is_added_after_another_and_removed_by_an_empty_field(session, anne, author):
    draft = a_draft(session, author, replace(FIRST, english=None))
    session.commit()
    block = DOCUMENT[DOCUMENT.index("  - id: gorge") : DOCUMENT.index("\n  - id: autre")]
    second = block.replace("id: gorge", "id: nez").replace("g_", "n_").replace("Mal de", "Nez,")

    answer = kept(anne, draft, "motif:gorge", text=block + second, cases="")

    assert answer.status_code == 303
    assert "id: nez" in fresh(session, draft).document
    kept(anne, draft, "motif:nez", text="", cases="")
    assert "id: nez" not in fresh(session, draft).document


def test_a_question_without_english_words_is_told(anne, draft):
    block = DOCUMENT[DOCUMENT.index("  - id: gorge") : DOCUMENT.index("\n  - id: autre")]

    answer = kept(anne, draft, "motif:gorge", text=block.replace("g_salive", "g_bave"), cases="")
    page = anne.get(at(draft))

    assert answer.status_code == 422
    assert "textes anglais" in words(answer).lower()
    assert "g_bave" in words(answer)
    assert "Salive impossible à avaler" in words(anne.get(at(draft, "motifs", "gorge")))
    assert page.status_code == 200


def test_a_version_whose_english_words_do_not_fit_is_shown_in_french(anne, session, author):
    draft = a_draft(session, author, replace(FIRST, english="version: 1\nprotocol: autre\n"))
    session.commit()
    anne.set_cookie("lang", "en")

    page = anne.get(at(draft, "motifs", "gorge"))

    assert page.status_code == 200
    assert "Salive impossible à avaler" in words(page)


def test_two_tabs_do_not_overwrite_each_other(session, anne, draft):
    first = anne.get(at(draft, "modifier", "emergency_advice"))
    kept(anne, draft, "emergency_advice", text='emergency_advice: "Appelez le 15."')

    late = anne.post(
        at(draft, "modifier", "emergency_advice"),
        data={"seen": seen(first), "text": 'emergency_advice: "Appelez le 18."'},
    )

    assert late.status_code == 409
    assert "Appelez le 18." in late.text
    assert "Appelez le 15." in fresh(session, draft).document


def test_nobody_else_edits_a_draft(session, benoit, draft):
    answer = kept(benoit, draft, "emergency_advice", text='emergency_advice: "Le 18 !"')

    assert answer.status_code == 422
    assert "Seule la personne qui a écrit ce brouillon le modifie" in words(answer)
    assert fresh(session, draft).document == DOCUMENT


def test_a_trial_says_sound_and_who_ran_it(session, anne, draft):
    anne.post(at(draft, "essayer"))

    assert fresh(session, draft).status is VersionStatus.TESTED
    said = words(anne.get(at(draft)))
    assert "Toutes les preuves passent" in said
    assert "1 signe, 2 motifs, 5 questions, 5 règles, 6 cas" in said
    assert "Essayée Anne Aubry" in said


def test_a_trial_names_every_case_that_fails(session, anne, author):
    weaker = DOCUMENT.replace("otherwise: WITHIN_24H", "otherwise: NOT_UNSCHEDULED")
    draft = a_draft(session, author, replace(FIRST, document=weaker))
    session.commit()

    anne.post(at(draft, "essayer"))

    said = words(anne.get(at(draft)))
    assert "1 défaut à corriger" in said
    assert "gorge_simple" in said


def test_who_signs_sees_the_differences_and_their_effects_first(session, benoit, author, approver):
    signed(session, author, approver)
    texts = FIRST.numbered(2)
    texts = replace(
        texts,
        document=texts.document.replace("otherwise: WITHIN_24H", "otherwise: SAME_DAY").replace(
            "rules:\n      - {id: g_fievre, level: SAME_DAY,",
            "rules:\n      - {id: g_fievre, level: CALL_15_ADVICE,",
        ),
        cases=texts.cases.replace("level: WITHIN_24H", "level: SAME_DAY").replace(
            "level: SAME_DAY, first: MG, rule: g_fievre", "level: CALL_15_ADVICE, rule: g_fievre"
        ),
    )
    draft = tried(session, a_draft(session, author, texts), author)
    session.commit()

    said = words(benoit.get(at(draft, "differences")))

    assert "6 cas essayés : 2 finissent autrement, dont 0 moins urgents et 2 plus urgents" in said
    assert "Niveau sans aucune règle Sous 24 heures Le jour même" in said
    assert "Niveau de la règle g_fievre Le jour même Avis du 15" in said
    assert "Signer la version 2" in said


def sign(client, version, **but):
    data = {"digest": version.digest, "in_force_from": "2027-03-27", "read": "yes"}
    return client.post(at(version, "signer"), data=data | but)


def test_a_second_person_signs_and_it_is_in_force(session, benoit, draft, author):
    tried(session, fresh(session, draft), author)
    session.commit()

    answer = sign(benoit, draft)

    assert answer.status_code == 303
    said = words(benoit.get(HOME))
    assert "Version 1 en vigueur" in said
    assert "Écrite par Anne Aubry, signée par Benoît Blin" in said
    assert "du 27 mars 2027 au 26 mars 2028" in said


@pytest.mark.parametrize(
    ("but", "sentence"),
    [
        ({"read": ""}, "Cochez que vous avez lu"),
        ({"in_force_from": "demain"}, "Indiquez une date"),
        ({"in_force_from": "2027-03-26"}, "Choisissez un jour entre aujourd’hui"),
        ({"digest": "0" * 64}, "Le texte a changé depuis que vous l’avez lu"),
    ],
)
def test_a_signature_that_cannot_be_says_why(session, benoit, draft, but, sentence):
    author = session.get_one(Account, (draft.community_id, draft.written_by_id))
    tried(session, fresh(session, draft), author)
    session.commit()

    answer = sign(benoit, draft, **but)

    assert answer.status_code == 422
    assert sentence in words(answer)
    assert fresh(session, draft).status is VersionStatus.TESTED


def test_the_author_is_not_offered_to_sign_and_may_not(session, anne, draft, author):
    tried(session, fresh(session, draft), author)
    session.commit()

    page, answer = anne.get(at(draft, "differences")), sign(anne, draft)

    assert "Signer la version" not in words(page)
    assert "Une autre personne que l’auteur signe" in words(answer)
    assert fresh(session, draft).status is VersionStatus.TESTED


def test_one_step_takes_back_to_the_version_before(session, anne, author, approver):
    signed(session, author, approver)
    second = signed(session, author, approver)
    session.commit()

    before = words(anne.get(at(second, "retirer")))
    anne.post(at(second, "retirer"), data={"because": "Trop de 15 le lundi"})

    assert "la version 1, signée par Benoît Blin, trie de nouveau" in before
    assert "Version 1 en vigueur" in words(anne.get(HOME))
    assert "Trop de 15 le lundi" in words(anne.get(at(second)))


def test_taking_back_the_last_one_says_that_everybody_goes_to_the_15(
    session, anne, author, approver
):
    only = signed(session, author, approver)
    session.commit()

    said = words(anne.get(at(only, "retirer")))
    without = anne.post(at(only, "retirer"), data={"because": " "})

    assert "toute demande sera orientée vers le 15 ou vers son médecin" in said
    assert without.status_code == 422
    assert "Dites pourquoi" in words(without)


def upload(client, **files):
    sent = {name: (io.BytesIO(said), f"{name}.yaml") for name, said in files.items()}
    answer = client.post(f"{HOME}/fichier", data=sent, content_type="multipart/form-data")
    # The test's own browser keeps what it sent in a file, and leaves it open.
    answer.request.input_stream.close()
    return answer


def test_a_whole_file_becomes_a_draft(session, anne):
    answer = upload(anne, document=DOCUMENT.encode(), cases=FIRST.cases.encode())

    assert answer.status_code == 303
    [made] = session.scalars(select(ProtocolVersion)).all()
    assert (made.number, made.digest) == (1, FIRST.digest)


def test_a_file_of_a_megabyte_is_read_and_a_longer_one_is_refused(session, anne):
    filler = "# " + "x" * 1000 + "\n"
    long = DOCUMENT + filler * 1020

    taken = upload(anne, document=long.encode()[: 1024 * 1024])
    refused = upload(anne, document=(long + filler * 50).encode())

    assert taken.status_code == 303
    assert refused.status_code == 422
    assert "1 Mo au plus" in words(refused)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "Choisissez le fichier du protocole"),
        (b"\xff\xfe\x00", "n’est pas un texte en UTF-8"),
        (b"a: [", "n’est pas du YAML"),
        (b"- liste", "n’est pas du YAML"),
        (b"title: sans version", "n’est pas du YAML"),
        (b"\x00", "n’est pas un texte en UTF-8"),
    ],
)
def test_a_file_that_is_no_protocol_says_why(session, anne, raw, sentence):
    answer = upload(anne, document=raw)

    assert answer.status_code == 422
    assert sentence in words(answer)
    assert session.scalars(select(ProtocolVersion)).all() == []


def test_a_made_up_person_shows_what_is_asked_and_what_it_gives(anne, draft):
    path = at(draft, "apercu") + "?age=30&unite=ans&sexe=male&enceinte=no&motif=gorge"

    asked = words(anne.get(path))
    calm = "&u_souffle=no&g_salive=no"
    said = words(anne.get(path + calm + "&fievre=yes&juger=oui"))
    unsure = words(anne.get(path + calm + "&juger=oui"))
    calmest = words(anne.get(path + "&calme=oui&juger=oui"))

    assert "Salive impossible à avaler ?" in asked
    assert "Bébé mou" not in asked
    assert "Résultat Le jour même dans les 12 heures" in said
    assert "« Salive impossible à avaler ? » Non" in said.split("Ce qui n’est pas vrai")[1]
    assert "dans le doute" in unsure
    assert "Résultat Sous 24 heures" in calmest


def test_a_preview_without_an_age_says_so(anne, draft):
    answer = anne.get(at(draft, "apercu") + "?age=vieux")

    assert answer.status_code == 422
    assert "Indiquez un âge" in words(answer)


def test_legal_rules_are_switched_on_by_name_and_noted(session, anne, community):
    site = a_site(session, community)
    a_professional(session, community, site, skills=["osys"], family_name="Petit", civility="")
    session.commit()

    page = words(anne.get(f"{HOME}/regles"))
    answer = anne.post(f"{HOME}/regles", data={"regle": ["osys-angine", "nothing"]})

    assert "OSyS, mal de gorge" in page
    assert "Camille Petit" in page
    assert answer.status_code == 303
    session.rollback()
    assert session.get_one(Community, community.id, populate_existing=True).legal_rules == [
        "osys-angine"
    ]
    noted = session.scalars(select(GovernanceAct)).one()
    assert noted.act is Act.RULES_CHOSEN
    assert "osys-angine" not in noted.detail["off"]
    assert "− " in words(anne.get(f"{HOME}/regles"))


def test_a_professional_reads_and_changes_nothing(app, session, community, draft):
    doctor = a_professional(session, community, a_site(session, community))
    account = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    session.commit()
    client = signed_in(app, account)

    for path in (HOME, at(draft), at(draft, "motifs", "gorge"), at(draft, "complet")):
        page = client.get(path)
        assert page.status_code == 200
        assert "Modifier" not in words(page)
    for path in (
        f"{HOME}/importer",
        f"{HOME}/regles",
        at(draft, "essayer"),
        at(draft, "signer"),
        at(draft, "retirer"),
        at(draft, "brouillon"),
        at(draft, "modifier", "shared"),
    ):
        assert client.post(path).status_code == 404
    assert "Enregistrer" not in words(client.get(f"{HOME}/regles"))


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SECRETARY, Role.ADMINISTRATOR])
def test_who_answers_the_telephone_has_no_protocol_to_read(app, session, community, draft, role):
    sites = (a_site(session, community),) if role is Role.SECRETARY else ()
    account = an_account(session, community, role, sites=sites)
    session.commit()

    client = signed_in(app, account)

    assert {client.get(path).status_code for path in (HOME, at(draft))} == {404}


def test_another_communitys_version_is_not_there(app, session, draft):
    far = a_coordinator(session, a_community(session), "Zoé Zola")
    session.commit()
    client = signed_in(app, far)

    for part in ((), ("complet",), ("differences",), ("apercu",), ("protocole.yaml",)):
        assert client.get(at(draft, *part)).status_code == 404
    for part in (("essayer",), ("brouillon",), ("retirer",)):
        assert client.post(at(draft, *part), data={"because": "x"}).status_code == 404
    assert fresh(session, draft).status is VersionStatus.DRAFT


def test_a_text_typed_into_the_protocol_is_shown_as_text(session, anne, author):
    evil = DOCUMENT.replace("Mal de gorge", "<script>alert(1)</script>")
    draft = a_draft(session, author, replace(FIRST, document=evil))
    session.commit()

    for part in ((), ("motifs", "gorge"), ("complet",), ("modifier", "motif:gorge")):
        page = anne.get(at(draft, *part))
        assert page.status_code == 200
        assert "<script>" not in page.text


def test_in_a_demonstration_staff_are_told_that_nothing_is_signed(session, anne, author, approver):
    before = words(anne.get("/coordination"))
    signed(session, author, approver, now=NOON)
    session.commit()

    assert "Protocole non signé : démonstration" in before
    assert "Protocole non signé" not in words(anne.get("/coordination"))
