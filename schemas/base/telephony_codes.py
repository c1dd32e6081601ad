"""The codes of telephony providers by family: what each means for a number and for a touch.

Three families: SIP (RFC 3261 and its extensions), the numbers of Twilio (five digits), and those of
the WhatsApp Business platform (its own, six digits, and Twilio's 63xxx). A number that no row names
has the meaning of its family.
"""

from schemas.base.code_classes import CodeClass, Meaning

_ADDRESS = Meaning(CodeClass.ADDRESS, True)
_NOT_HERE = Meaning(CodeClass.UNREACHABLE, True)
_OPTED_OUT = Meaning(CodeClass.OPTED_OUT, True)
_BLOCK = Meaning(CodeClass.BLOCK, True)
_CONTENT = Meaning(CodeClass.CONTENT, True)
_OURS = Meaning(CodeClass.OURS, True)
_TEMPORARY = Meaning(CodeClass.TEMPORARY, False)
_FINAL = Meaning(CodeClass.FINAL, True)

_SIP_ROWS: dict[Meaning, tuple[int, ...]] = {
    _ADDRESS: (404, 410, 484, 604),  # no such number: not found, gone, incomplete, nowhere
    _TEMPORARY: (408, 480, 486, 487, 491, 600),  # no answer, unavailable, busy
    _OURS: (401, 402, 407),  # the account is not authorized
    _BLOCK: (607, 608),  # the call is unwanted, or was rejected as such
}
_SIP = {number: meaning for meaning, numbers in _SIP_ROWS.items() for number in numbers}

SIP_ONLY = frozenset((*range(480, 500), *range(600, 700)))
"""Three-digit numbers that mean something in SIP and nothing in HTTP."""

_PROVIDER_ROWS: dict[Meaning, tuple[int, ...]] = {
    _ADDRESS: (
        *(21211, 21217),  # no valid phone number
        30005,  # the number is unknown, or does not exist any more
        13223,  # no valid phone number, in a call
    ),
    _NOT_HERE: (
        *(21614, 21635, 30006),  # a landline, which gets no text message
        *(63003, 63024),  # not on WhatsApp
    ),
    _OPTED_OUT: (
        21610,  # the person has sent STOP
        63014,  # the person has blocked the sender, or opted out
        131050,  # the person gets no marketing messages any more
        40300,  # STOP, at Telnyx
    ),
    _BLOCK: (
        *(30004, 30007),  # blocked by the carrier, or filtered as spam
        *(63013, 63032, 63049),  # against a policy of the channel
        *(131048, 131049),
    ),
    _CONTENT: (
        *(21602, 21605, 21617, 21619, 30019, 30038),  # no text, too long, too large
        *(63005, 63006, 63021, 63027, 63028),
        *(131051, 131052, 131053),
    ),
    _OURS: (
        *(20003, 30002),  # authentication, account suspended
        *(21212, 21603, 21606, 21659),  # the sender number
        *(21215, 21408, 21608, 21703, 21704),  # permissions of the account, an empty service
        *(30010, 30018, 30024, 30032, 30034),  # registration of the sender
        *(63001, 63002, 63007),
        *(131005, 131031, 131042, 131045),
    ),
    _FINAL: (
        *(63016, 131047),  # outside of the hours in which an answer is allowed
        *(63031, 131021, 131026, 130472),
    ),
    _TEMPORARY: (
        *(21611, 30001, 30003, 30008, 30017, 30022, 30023, 30027),  # queues, carriers, rates
        *(63010, 63012, 63018, 63038),
        *(131000, 131016, 131056, 130429, 80007),
    ),
}
_PROVIDER = {number: meaning for meaning, numbers in _PROVIDER_ROWS.items() for number in numbers}

_FAMILIES: tuple[tuple[range, Meaning], ...] = (
    (range(13_000, 14_000), _FINAL),  # a call that was not asked for rightly
    (range(21_000, 22_000), _FINAL),  # a request that was not accepted
    (range(30_000, 31_000), _TEMPORARY),  # a message that was not delivered
    (range(63_000, 64_000), _TEMPORARY),  # the same on another channel, such as WhatsApp
    (range(131_000, 132_000), _TEMPORARY),
    (range(132_000, 133_000), _CONTENT),  # the template of a WhatsApp message
    (range(133_000, 134_000), _OURS),  # the registration of a WhatsApp sender
)
"""What a number of a family means that no row names."""

TWILIO_HTTP = range(20_400, 20_600)
"""Twilio's numbers for the statuses of HTTP: 20429 is 429."""


def sip_meaning(number: int) -> Meaning | None:
    """What a SIP status means; None for a status that is no failure."""
    if number in _SIP:
        return _SIP[number]
    if 500 <= number < 600:
        return _TEMPORARY
    return _FINAL if 400 <= number < 700 else None


def provider_meaning(number: int) -> Meaning | None:
    """What a number of a telephony provider means; None if it is of no known family."""
    if number in _PROVIDER:
        return _PROVIDER[number]
    return next((meaning for family, meaning in _FAMILIES if number in family), None)
