"""What every part of the runtime stands on: settings, clock, log format, the transport port."""
