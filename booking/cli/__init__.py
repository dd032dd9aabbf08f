"""Commands, `flask --app wsgi …`: doors, that open the transaction and speak to people."""

from flask import Flask

from booking.cli import audit, keeping, partners, persons, running, territory, triage

COMMANDS = (
    triage.triage,
    triage.check_protocols,
    territory.create_community,
    territory.limit_messages,
    territory.create_admin,
    partners.create_api_client,
    partners.list_api_clients,
    partners.revoke_api_client,
    territory.import_communes,
    territory.import_directory,
    running.serve_all,
    running.work,
    running.upgrade,
    running.draft_migration,
    running.seed_demo,
    running.forget,
    running.reseal,
    running.check_promises,
    persons.export_person,
    persons.erase_person,
    keeping.make_backup,
    keeping.restore_backup,
    keeping.erase_again,
    keeping.check_backup,
    keeping.down_page,
    audit.verify,
    audit.who_saw,
)


def register(app: Flask) -> None:
    """Give the app its commands."""
    for command in COMMANDS:
        app.cli.add_command(command)
