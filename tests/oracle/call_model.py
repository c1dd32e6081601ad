"""A model of leases and limits in plain Python, as slow as it is simple (C-20, F-15, F-16, F-18).

It shares no code with the engine: no state, no queue, no timer. After every step it looks at all
calls, so that what the engine finds by its indexes is found here by looking.
"""

from dataclasses import dataclass, field

SECOND = 1_000_000
LATE = 24 * 3_600 * SECOND
PLACE, RING, TALK, MARGIN = 60 * SECOND, 45 * SECOND, 900 * SECOND, 60 * SECOND
STRIDE = 1_000_000
LEFT = {
    "placing": PLACE + RING + TALK + MARGIN,
    "ringing": RING + TALK + MARGIN,
    "live": TALK + MARGIN,
}
REPORTED_AS = {"initiated": "placing", "ringing": "ringing", "in_progress": "live"}


@dataclass
class ModelCall:
    """A call that is asked for. Of two with equal priority the one with the lower position goes
    first."""

    name: str
    tenant: str
    campaign: str
    agent: str | None
    priority: int
    position: int
    direct: bool
    state: str = "waiting"
    until: int = 0

    def rank(self) -> tuple[bool, int, int, str]:
        return (not self.direct, -self.priority, self.position, self.name)

    def counts(self) -> bool:
        return self.state in ("placing", "ringing", "live", "overrun")


@dataclass
class ModelTenant:
    """The limits of a tenant, and its turns."""

    slots: int = 2
    pool_slots: int | None = None
    agents: dict[str, int] = field(default_factory=dict)
    campaigns: dict[str, int] = field(default_factory=dict)
    passed: int = 0
    served: int = 0


@dataclass
class CallModel:
    """One pool and its tenants."""

    slots: int = 10
    weights: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)
    tenants: dict[str, ModelTenant] = field(default_factory=dict)
    calls: dict[str, ModelCall] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    now: int = 0
    passed: int = 0
    served: int = 0

    # what happens

    def ask(self, call: ModelCall) -> None:
        """A call is requested."""
        tenant = self.tenant(call.tenant)
        if not any(c.tenant == call.tenant for c in self.calls.values() if c.state == "waiting"):
            tenant.passed = self.passed + self.stride(call.tenant)
        self.calls[call.name] = call
        self.serve()

    def withdraw(self, name: str) -> None:
        """A call that has not begun is taken back. One that has begun keeps its slot."""
        if self.calls[name].state == "waiting":
            del self.calls[name]

    def report(self, name: str, state: str) -> None:
        """The sender of a call reports how far it is, or its end."""
        call = self.calls.get(name)
        if call is None or call.state == "waiting":
            return
        if state == "ended":
            del self.calls[name]
        elif call.state == "expired":
            call.state = "overrun"
            call.until = self.now + LEFT["live" if state == "in_progress" else "ringing"]
        elif call.state != "overrun":
            order = [*LEFT]
            if order.index(REPORTED_AS[state]) > order.index(call.state):
                call.state = REPORTED_AS[state]
                call.until = min(call.until, self.now + LEFT[call.state])
        self.serve()

    def pass_time(self, until: int) -> None:
        """Time passes: of calls that end by themselves, the earliest first."""
        while True:
            due = [c for c in self.calls.values() if c.state != "waiting" and c.until <= until]
            if not due:
                break
            call = min(due, key=lambda c: (c.until, f"{c.tenant}/calls/{c.name}"))
            self.now = max(self.now, call.until)
            if call.state == "expired":
                del self.calls[call.name]
                continue
            if call.state != "overrun":
                self.lost.append(call.name)
            call.state, call.until = "expired", self.now + LATE
            self.serve()
        self.now = max(self.now, until)

    # what follows

    def serve(self) -> None:
        """Gives free slots to the calls that are next."""
        while self.active() < self.slots:
            first = {name: self.first_call(name) for name in self.tenants}
            turns = [name for name, call in first.items() if call is not None]
            out_of_turn = self.slots - self.active() <= sum(map(self.unfilled, self.reserved))
            if out_of_turn:
                turns = [t for t in turns if self.unfilled(t) > 0]
            if not turns:
                return
            name = min(turns, key=self.turn_of)
            call = first[name]
            assert call is not None
            tenant = self.tenants[name]
            self.served += 1
            tenant.served = self.served
            if not out_of_turn:
                self.passed = max(tenant.passed, self.passed)
                tenant.passed = self.passed + self.stride(name)
            call.state, call.until = "placing", self.now + LEFT["placing"]
            self.commands.append(call.name)

    def unfilled(self, name: str) -> int:
        """How many slots are kept free for a tenant, which it can use by its own limit."""
        slots = self.tenants[name].slots if name in self.tenants else ModelTenant.slots
        return max(0, min(self.reserved.get(name, 0), slots) - self.active(name))

    def turn_of(self, name: str) -> tuple[int, int, str]:
        tenant = self.tenants[name]
        return (max(tenant.passed, self.passed), tenant.served, name)

    def stride(self, name: str) -> int:
        return STRIDE // self.weights.get(name, 1)

    def first_call(self, name: str) -> ModelCall | None:
        """The call of a tenant that may begin now."""
        tenant = self.tenants[name]
        if self.active(name) >= tenant.slots:
            return None
        if tenant.pool_slots is not None and self.active() >= tenant.pool_slots:
            return None
        may_begin = [
            call
            for call in self.calls.values()
            if call.tenant == name and call.state == "waiting" and not self.is_blocked(call)
        ]
        return min(may_begin, key=ModelCall.rank, default=None)

    def is_blocked(self, call: ModelCall) -> bool:
        tenant, of_tenant = self.tenants[call.tenant], self.counted(call.tenant)
        of_campaign = sum(c.campaign == call.campaign for c in of_tenant)
        of_agent = sum(c.agent == call.agent for c in of_tenant)
        if of_campaign >= tenant.campaigns.get(call.campaign, 1_000):
            return True
        return call.agent is not None and of_agent >= tenant.agents.get(call.agent, 1_000)

    def tenant(self, name: str) -> ModelTenant:
        return self.tenants.setdefault(name, ModelTenant())

    def active(self, tenant: str | None = None) -> int:
        return len(self.counted(tenant))

    def counted(self, tenant: str | None = None) -> list[ModelCall]:
        calls = [call for call in self.calls.values() if call.counts()]
        return [call for call in calls if tenant in (None, call.tenant)]
