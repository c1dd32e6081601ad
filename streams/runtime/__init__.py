"""The running engine: workers, the projector, and the processes that hold them."""
