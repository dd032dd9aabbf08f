"""A protocol that a test can read whole: two complaints, five cases, and it proves."""

from booking.governance.texts import Texts

DOCUMENT = """\
# Un protocole d’essai, assez petit pour être lu d’un coup.
id: soins-non-programmes
version: 1
title: Essai
language: fr
valid_from: 2027-01-01
valid_until: 2027-12-31
reviewed_by: []
deadline_hours: {SAME_DAY: 12, WITHIN_24H: 24}
emergency_advice: >-
  Appelez le 15 maintenant.
  Restez près de la personne.
sources:
  comite: {title: "Choix du comité", dated: "2027-01"}
groups:
  corps: "Le corps"
  divers: "Divers"

# Lue à tous.
universal:
  - {id: u_souffle, text: "Très grande difficulté à respirer", level: CALL_15, because: "Détresse.", source: comite}
stage2:
  - {id: s_bebe, text: "Bébé mou ou qui geint", asked_if: {age_months: {below: 3}}, level: CALL_15, because: "Infection grave.", source: comite}
shared:
  - {id: fievre, text: "Fièvre de 38 °C ou plus ?"}
complaints:
  # La gorge
  - id: gorge
    title: "Mal de gorge"
    group: corps
    synonyms: [angine, avaler]
    source: comite
    questions:
      - {id: g_salive, text: "Salive impossible à avaler ?", level: CALL_15, because: "Abcès.", source: comite}
      - fievre
    rules:
      - {id: g_fievre, level: SAME_DAY, when: {answers: {fievre: yes}}, because: "Fièvre.", source: comite}
    otherwise: WITHIN_24H
    routes:
      - {discipline: MG, because: "Regarder la gorge.", source: comite}
    safety_net: "Appelez le 15 si avaler ou respirer devient difficile."

  - id: autre
    title: "Autre chose"
    group: divers
    source: comite
    questions:
      - {id: a_douleur, text: "Douleur insupportable ?", level: CALL_15_ADVICE, because: "Avis.", source: comite}
    otherwise: SAME_DAY
    routes:
      - {discipline: MG, because: "Examiner.", source: comite}
    safety_net: "Appelez le 15 au moindre doute."
"""  # noqa: E501 - as below

CASES = """\
# Dans les mots de ceux qui appellent. Personnes fictives.
protocol: soins-non-programmes
version: 1
cases:
  # gorge
  - {id: gorge_simple, says: "J’ai mal en avalant depuis hier soir.", patient: {age_years: 30, sex: male}, complaints: [gorge], level: WITHIN_24H, first: MG}
  - {id: gorge_fievre, says: "Mal à la gorge et 38,5 ce matin.", patient: {age_years: 30, sex: male}, complaints: [gorge], answers: {fievre: yes}, level: SAME_DAY, first: MG, rule: g_fievre}
  - {id: gorge_bave, says: "Il bave, il ne peut plus avaler sa salive.", patient: {age_years: 4, sex: male}, complaints: [gorge], answers: {g_salive: yes}, level: CALL_15, rule: g_salive}
  # autre
  - {id: autre_flou, says: "Je ne me sens pas comme d’habitude.", patient: {age_years: 50, sex: female, pregnant: no}, complaints: [autre], level: SAME_DAY, first: MG}
  - {id: autre_mal, says: "J’ai mal à hurler, je ne sais pas où.", patient: {age_years: 50, sex: female, pregnant: no}, complaints: [autre], answers: {a_douleur: yes}, level: CALL_15_ADVICE, rule: a_douleur}
  - {id: autre_souffle, says: "Il cherche son air, il est gris.", patient: {age_years: 60, sex: male}, complaints: [autre], answers: {u_souffle: yes}, level: CALL_15, rule: u_souffle}
"""  # noqa: E501 - lines of a protocol are as long as authors write them

ENGLISH = """\
protocol: soins-non-programmes
version: 1
language: en
title: Trial
emergency_advice: Call 15 now.
groups: {corps: The body, divers: Other}
questions:
  u_souffle: "Great difficulty breathing"
  s_bebe: "Floppy or moaning baby"
  g_salive: "Cannot swallow saliva?"
  fievre: "Fever of 38 °C or more?"
  a_douleur: "Unbearable pain?"
complaints:
  gorge: {title: Sore throat, safety_net: "Call 15 if it gets harder to swallow or breathe."}
  autre: {title: Something else, safety_net: "Call 15 if in doubt."}
"""

FIRST = Texts(DOCUMENT, CASES, ENGLISH)
"""What the first version of the tests says."""
