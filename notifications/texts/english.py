"""Every message in English."""

from notifications.texts.wording import Wording

ENGLISH = {
    "confirmed": Wording(
        sms="Appointment confirmed {day} at {hour}{place}. Change, cancel: {link}",
        subject="Appointment confirmed: {moment}",
        email="""\
Hello,

Your appointment is confirmed.

When: {moment}
Where: {where}

See, change or cancel this appointment:
{link}

Can't come after all? Please cancel: someone else needs the place.
If you get worse before the appointment, call 15.
""",
        voice="Hello. Your appointment is confirmed: {moment}. Address: {where}.",
    ),
    "moved": Wording(
        sms="Appointment moved: {day} at {hour}{place}. Change, cancel: {link}",
        subject="Appointment moved: {moment}",
        email="""\
Hello,

Your appointment has changed.

New appointment: {moment}
Where: {where}
The former one, {before}, is void.

See, change or cancel this appointment:
{link}

If you get worse before the appointment, call 15.
""",
        voice="Hello. Your appointment has changed. It is now {moment}. Address: {where}.",
    ),
    "relocated": Wording(
        sms="Appointment, new place: {day} at {hour}{place}. Change, cancel: {link}",
        subject="Your appointment is at another place: {moment}",
        email="""\
Hello,

Your appointment is at another place, at the same time.

When: {moment}
New place: {where}
Do not go to: {before}

See, change or cancel this appointment:
{link}

If you get worse before the appointment, call 15.
""",
        voice=(
            "Hello. Your appointment is at another place, at the same time: {moment}. New address: "
            "{where}."
        ),
    ),
    "cancelled_by_patient": Wording(
        sms="Appointment cancelled as you asked: {day} at {hour}{place}. New one: {link}",
        subject="Appointment cancelled: {moment}",
        email="""\
Hello,

You cancelled your appointment.

Cancelled: {moment}
Where: {where}

Ask for another appointment:
{link}

If you get worse, call 15.
""",
    ),
    "cancelled_by_practice": Wording(
        sms="Appointment cancelled by the practice: {day} at {hour}{place}. New one: {link}",
        subject="Appointment cancelled by the practice: {moment}",
        email="""\
Hello,

The practice had to cancel your appointment. We apologise.

Cancelled: {moment}
Where: {where}

Ask for another appointment:
{link}

If you get worse, call 15.
""",
        voice=(
            "Hello. The practice had to cancel your appointment, {moment}. We apologise. For "
            "another one, call the practice or your local service. If you get worse, call 15."
        ),
    ),
    "cancelled_others_kept": Wording(
        sms="Appointment cancelled: {day} at {hour}{place}. Others kept until {until}: {link}",
        subject="Appointment cancelled by the practice: {moment}",
        email="""\
Hello,

The practice had to cancel your appointment. We apologise.

Cancelled: {moment}
Where: {where}

Other appointments are kept for you until {until}. To choose one:
{link}

If you get worse, call 15.
""",
        voice=(
            "Hello. The practice had to cancel your appointment, {moment}. We apologise. Others "
            "are kept for you until {until}: call your local service. If you get worse, call 15."
        ),
    ),
    "call_back": Wording(
        sms="We will call you {day} before {hour}{place}. If you get worse: call 15. {link}",
        subject="We will call you before {moment}",
        email="""\
Hello,

There is no appointment for you yet. We keep looking.

Who will call you: {where}
At the latest: {moment}

Follow or cancel your request:
{link}

If you get worse, do not wait for our call: call 15.
""",
    ),
    "late": Wording(
        sms="About {minutes} min late for your appointment {day} at {hour}{place}. See: {link}",
        subject="About {minutes} min late: {moment}",
        email="""\
Hello,

Your appointment is running about {minutes} minutes late. It still takes place. We apologise.

When: {moment}
Where: {where}

See, change or cancel this appointment:
{link}

If you get worse before the appointment, call 15.
""",
        voice=(
            "Hello. Your appointment, {moment}, is running about {minutes} minutes late. It "
            "still takes place."
        ),
    ),
    "reminder": Wording(
        sms="Reminder: appointment {day} at {hour}{place}. Coming? Confirm or cancel: {link}",
        subject="Reminder of your appointment: {moment}",
        email="""\
Hello,

You have an appointment.

When: {moment}
Where: {where}

Say that you will come, change or cancel this appointment:
{link}

Can't come after all? Please cancel: someone else needs the place.
If you get worse before the appointment, call 15.
""",
        voice="Hello. This is a reminder of your appointment: {moment}. Address: {where}.",
    ),
    "offered": Wording(
        sms="A place is free {day} at {hour}{place}. Answer before {until}: {link}",
        subject="A place is free: {moment}",
        email="""\
Hello,

A place is free. It is kept for you until {until}.

When: {moment}
Where: {where}

Take it, or leave it:
{link}

If you get worse, call 15.
""",
    ),
    "help_wanted": Wording(
        sms="Care request{who}, before {day} at {hour}{place}. Answer: {link}",
        subject="Request for unscheduled care, before {moment}",
        email="""\
Hello,

Somebody needs care, and nothing is free in time.

Who: {known}
Group of reasons: {what}
To be seen before: {moment}

Take them, or say no, without signing in:
{link}

This link is for you alone. To receive no more of these: page Calendar, after sign-in.
""",
    ),
    "deadline_near": Wording(
        sms="JourMême: a request has no appointment yet, due {day} at {hour}. {link}",
        subject="A request without an appointment, due {moment}",
        email="""\
Hello,

A request has no appointment yet.

Due: {moment}
Community: {where}

See it after sign-in:
{link}
""",
    ),
    "outcome": Wording(
        sms="Who came {day}, from {hour}{place}? Answer: {link}",
        subject="Who came? From {moment}",
        email="""\
Hello,

We do not know what became of some appointments of your day.

How many: {count}
From: {moment}
Community: {where}

Answer with one tap for each, without signing in, for 7 days:
{link}

You are asked this only once.
""",
    ),
    "notice_booked": Wording(
        sms="New appointment {day} at {hour}{place}. Details after sign-in: {link}",
        subject="New appointment: {moment}",
        email="""\
Hello,

A slot has just been booked.

When: {moment}
Where: {where}

Details after sign-in:
{link}
""",
    ),
    "notice_moved": Wording(
        sms="Appointment moved: {day} at {hour}{place}. Details after sign-in: {link}",
        subject="Appointment moved: {moment}",
        email="""\
Hello,

An appointment has another time or place.

New appointment: {moment}
Where: {where}

Details after sign-in:
{link}
""",
    ),
    "notice_cancelled": Wording(
        sms="Appointment cancelled: {day} at {hour}{place}. Details after sign-in: {link}",
        subject="Appointment cancelled: {moment}",
        email="""\
Hello,

An appointment has just been cancelled.

When: {moment}
Where: {where}

Details after sign-in:
{link}
""",
    ),
}
