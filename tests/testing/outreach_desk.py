"""A world of outreach without the owner of accounts: a test plays dispatch and the senders, and
decides what arrives when."""

from typing import Any

from schemas.internal import messages as m
from schemas.internal.enrollment import Assignment, Enrollment
from schemas.internal.topics import Topic
from tests.testing.builders import CONTACT, TENANT, answer_fields, tenant
from tests.testing.call_desk import CallDesk
from tests.testing.outreach import OUTREACH, experiment_document, outreach_document
from tests.testing.outreach_orders import account, changed, published
from tests.testing.story import event_fields, upserted


class OutreachDesk(CallDesk):
    """The campaign processor and the contact processor, with the orders and events of outreach."""

    def add(self, *names: str, campaign_id: str = OUTREACH, **variables: str) -> "OutreachDesk":
        """People with a name and an address on each channel of outreach are added."""
        for name in names:
            url = f"https://linkedin.com/in/{name}"
            who = {"first_name": name, "email": f"{name}@example.com", "linkedin_url": url}
            self.deliver(upserted(self, name, **who))
            self.order(name, campaign_id, **variables)
        return self

    def order(self, name: str = CONTACT, campaign_id: str = OUTREACH, **variables: str) -> None:
        """A person is added, with or without an address."""
        fields = event_fields(self, name)
        self.deliver(
            m.ContactEnrolled(**fields, campaign_id=campaign_id, variables=variables or None)
        )

    def change(self, action: str) -> "OutreachDesk":
        """The owner changes the status of the campaign."""
        self.deliver(changed(action))
        return self

    # what dispatch and the senders answer

    def request_of(self, name: str) -> m.RequestTouch:
        """The last request for a person."""
        return [touch for touch in self.requests() if touch.contact_id == name][-1]

    def command(self, name: str = CONTACT) -> m.RequestTouch:
        """The command of a person's request goes out."""
        touch = self.request_of(name)
        ids = (touch.tenant_id, touch.contact_id, touch.command_id)
        self.deliver(m.TouchCommanded(*ids, touch.emission))
        return touch

    def send(self, *names: str, **fields: Any) -> m.RequestTouch:
        """The command of each person's request goes out, and is sent."""
        for name in names or (CONTACT,):
            touch = self.command(name)
            self.deliver(m.TouchSent(**answer_fields(touch, self) | fields))
        return touch

    # what a test looks at

    def run(self, contact_id: str = CONTACT, index: int = -1) -> Enrollment:
        """The newest run of a person."""
        return super().run(contact_id)

    def assigned(self, name: str = CONTACT, index: int = 0) -> Assignment:
        """A person's variant in an experiment."""
        results = self.run(name).results
        assert results is not None
        return results.variants[index]

    def outreach_counts(self) -> dict[str, int]:
        """The counts of the campaign over all partitions, without those that are 0."""
        return self.counts(OUTREACH)

    def reported(self) -> list[m.RunsCounted]:
        """The reports of counts, in the order of the log."""
        values = [r.value or b"" for r in self.broker.topic(Topic.CAMPAIGN_LOG)]
        return [each for each in map(m.decode_campaign, values) if isinstance(each, m.RunsCounted)]


def desk_with_draft(document: dict[str, Any] | None = None) -> OutreachDesk:
    """A desk with a tenant in Chicago, accounts on both channels, and a draft: by default one
    e-mail with an experiment."""
    desk = OutreachDesk()
    desk.deliver(tenant())
    desk.deliver(account("email"), account("linkedin"))
    desk.deliver(published(document or experiment_document()))
    return desk


def active_desk(*names: str, document: dict[str, Any] | None = None) -> OutreachDesk:
    """A desk with an active campaign of these people, by default Ann."""
    return desk_with_draft(document).add(*names or (CONTACT,)).change("activated")


def publish_version(desk: OutreachDesk, **changes: Any) -> None:
    """Publishes another version of the campaign."""
    desk.deliver(published(outreach_document(**changes)))


__all__ = ["TENANT", "OutreachDesk", "active_desk", "desk_with_draft", "publish_version"]
