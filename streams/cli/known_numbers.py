"""Finds the contacts of a tenant by their phone numbers, in the states of the engine (S3-26)."""

from hashlib import blake2b

from schemas.base.ids import derived_contact_id
from schemas.channels import PHONE
from schemas.csv_import import ContactLine
from schemas.internal.states import Contact
from streams.base.settings import Settings
from streams.cli.stored_states import contacts_of


class KnownNumbers:
    """The contacts of a tenant by the digests of their numbers. `country` is the one of numbers
    without a country code. Of several contacts with a number the oldest counts."""

    def __init__(self, settings: Settings, tenant_id: str, country: str) -> None:
        self._country = country
        oldest: dict[bytes, tuple[int, str]] = {}
        for contact_id, (digest, created_at) in self._read(settings, tenant_id).items():
            candidate = (created_at, contact_id)
            oldest[digest] = min(oldest.get(digest, candidate), candidate)
        self._contacts = {digest: contact_id for digest, (_, contact_id) in oldest.items()}

    def with_known_id(self, line: ContactLine) -> ContactLine:
        """The line of the contact who has its number already; unchanged if the line names its
        contact, or nobody has the number."""
        event = line.event
        phone = (event.addresses or {}).get(PHONE.name) or event.phone
        if not phone:
            return line
        for country in ("", self._country):
            identity = PHONE.identity(phone, country)
            if event.contact_id == derived_contact_id(PHONE.name, identity):
                contact_id = self._contacts.get(self._digest(phone), event.contact_id)
                return line._replace(event=event.model_copy(update={"contact_id": contact_id}))
        return line

    def _read(self, settings: Settings, tenant_id: str) -> dict[str, tuple[bytes, int]]:
        """The digest of the number of each contact that has one, and when the contact was
        created."""
        numbers: dict[str, tuple[bytes, int]] = {}
        for contact_id, contact in contacts_of(settings, tenant_id):
            if contact is not None and (phone := _phone(contact)):
                numbers[contact_id] = self._digest(phone), contact.created_at
            else:
                numbers.pop(contact_id, None)
        return numbers

    def _digest(self, phone: str) -> bytes:
        identity = PHONE.identity(phone, self._country)
        return blake2b(identity.encode(), digest_size=8).digest()


def _phone(contact: Contact) -> str:
    phone, _ = contact.profile.addresses.get(PHONE.name, ("", 0))
    return phone
