"""What calls say besides their message, and what we answer to an SMS."""

from collections.abc import Mapping

from notifications.texts.wording import Language, Reply, Spoken

SPOKEN: Mapping[Language, Spoken] = {
    "fr": Spoken(
        again="Pour réécouter, tapez 1.",
        again_or_cancel="Pour réécouter, tapez 1. Pour annuler ce rendez-vous, tapez 9.",
        confirm="Pour confirmer l’annulation, tapez 3. Pour garder le rendez-vous, raccrochez.",
        cancelled="Votre rendez-vous est annulé. Au revoir.",
        unchanged="Rien n’est changé. Au revoir.",
        changed="Ce rendez-vous a changé depuis. Un autre message vous le dira. Au revoir.",
        too_late="Ce rendez-vous ne peut plus être annulé ainsi. Appelez le cabinet. Au revoir.",
        goodbye="Au revoir.",
    ),
    "en": Spoken(
        again="To hear this again, press 1.",
        again_or_cancel="To hear this again, press 1. To cancel this appointment, press 9.",
        confirm="To confirm that you cancel, press 3. To keep the appointment, hang up.",
        cancelled="Your appointment is cancelled. Goodbye.",
        unchanged="Nothing has changed. Goodbye.",
        changed="This appointment has changed since. Another message will tell you. Goodbye.",
        too_late="This appointment cannot be cancelled this way. Call the practice. Goodbye.",
        goodbye="Goodbye.",
    ),
}
"""By language: what is said of the keys, and after them."""

REPLIES: Mapping[Language, Reply] = {
    "fr": Reply(
        worse=(
            "Votre état s'aggrave : appelez le 15 ou le 112 tout de suite. "
            "Par SMS : le 114. N'attendez pas notre réponse."
        ),
        which="RDV {day} : pour l'annuler, ouvrez {link}",
        other=(
            "Message transmis. Pour voir, changer ou annuler un RDV, ouvrez le lien reçu "
            "par SMS. Si cela s'aggrave : le 15."
        ),
    ),
    "en": Reply(
        worse=(
            "You are getting worse: call 15 or 112 now. By SMS: 114. Do not wait for our answer."
        ),
        which="Appointment {day}: to cancel it, open {link}",
        other=(
            "Message passed on. To see, change or cancel an appointment, open the link we "
            "sent. If you get worse: call 15."
        ),
    ),
}
"""By language. 114: emergencies by SMS, for whoever cannot speak."""
