"""Rates of whole numbers in percent with two decimals, as all pages and tables show them."""


def percent(part: int, whole: int) -> float | None:
    """A share in percent with two decimals, half a hundredth rounded up; None of nothing."""
    return None if whole <= 0 else (part * 20_000 + whole) // (2 * whole) / 100


def percent_of_target(part: int, whole: int, target_hundredths: int) -> float | None:
    """A share as `percent` has it, beside its target in hundredths of a percent. A share that is
    below the target is not rounded up to it, so that nobody reads 15.00 of 15.00, not reached."""
    rate = percent(part, whole)
    if rate is None or 100 * rate < target_hundredths or part * 10_000 >= target_hundredths * whole:
        return rate
    return part * 10_000 // whole / 100
