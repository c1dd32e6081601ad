"""The subjects that mail servers and calendars give to automatic replies, in many languages.

A subject counts where such a phrase stands at its beginning, and ends there or before a colon, a
bracket or another mark: `Automatic reply: Your offer`. The answer of a person to such a message
begins with `Re:`, and does not count.
"""

import re
import unicodedata

_PHRASES = (
    # English
    *("automatic reply", "automated reply", "automatic response", "automated response"),
    *("auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "autoresponse"),
    *("autoresponder", "auto responder", "auto-responder"),
    *("out of office", "out of the office", "out-of-office", "ooo"),
    *("i am out of the office", "i'm out of the office", "vacation reply", "away from the office"),
    # German
    *("automatische antwort", "automatische rückantwort", "autoantwort", "abwesenheitsnotiz"),
    *("abwesenheitsnachricht", "abwesenheitsmeldung", "abwesenheit", "abwesend"),
    "außer haus",
    # French
    *("réponse automatique", "absence du bureau", "absent du bureau", "absente du bureau"),
    *("message d'absence", "notification d'absence"),
    # Spanish, Portuguese, Italian, Catalan, Romanian
    *("respuesta automática", "fuera de la oficina", "fuera de oficina", "ausencia de la oficina"),
    *("resposta automática", "fora do escritório", "ausência do escritório", "ausência temporária"),
    *("risposta automatica", "fuori ufficio", "fuori sede", "assenza dall'ufficio"),
    *("resposta automàtica", "răspuns automat"),
    # Dutch, Danish, Norwegian, Swedish, Finnish
    *("automatisch antwoord", "automatisch bericht", "afwezigheidsbericht", "afwezig"),
    *("autosvar", "automatisk svar", "automatiskt svar", "fraværsbesked", "frånvaromeddelande"),
    *("automaattinen vastaus", "poissaoloilmoitus", "poissa toimistosta"),
    # Polish, Czech, Slovak, Hungarian, Croatian, Slovenian
    *("automatyczna odpowiedź", "odpowiedź automatyczna", "autoodpowiedź", "poza biurem"),
    *("automatická odpověď", "automatická odpoveď", "automatikus válasz", "automatski odgovor"),
    "samodejni odgovor",
    # Turkish, Greek, Russian, Ukrainian, Bulgarian
    *("otomatik yanıt", "ofis dışında", "αυτόματη απάντηση"),
    *("автоответ", "автоматический ответ", "автоматична відповідь", "автоматичен отговор"),
    # Hebrew, Arabic
    *("מענה אוטומטי", "תשובה אוטומטית", "رد تلقائي"),
)

_PHRASES_WITHOUT_BLANKS = (
    *("自動返信", "自動応答", "不在通知"),
    *("自动回复", "自动答复", "自動回覆", "自動回復"),
    *("자동 회신", "자동회신", "자동 응답", "자동응답", "부재중"),
)
"""In languages whose words need no mark between them."""

_FOLLOWING = (
    "re|aw|wg|fw|fwd|tr|rv|sv|vs|ang|antw|until|till|from|bis|vom|reply|message|notice"
    "|autoreply|auto-reply|auto reply|autoresponse|auto-response|auto response|automatic reply"
)
"""Words before which a phrase ends too."""


def _comparable(text: str) -> str:
    """The text in small letters without accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in plain if not unicodedata.combining(char))


def _any_of(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(_comparable(phrase)) for phrase in phrases)


_ANSWERING = "re|aw|sv|vs|rv|antw"
"""Words before the subject that is answered: `Auto: Re: Offer`."""

_begins = re.compile(
    rf"[\W_]*(?:auto:\s*(?:{_ANSWERING})\s*:|(?:{_any_of(_PHRASES_WITHOUT_BLANKS)})"
    rf"|(?:{_any_of(_PHRASES)})\s*(?:$|[^\w\s]|\b(?:{_FOLLOWING})\b))"
).match
_SUBJECT_MAX = 200


def is_automatic_subject(subject: str) -> bool:
    """Whether a subject is that of an automatic reply."""
    return _begins(_comparable(subject[:_SUBJECT_MAX])) is not None
