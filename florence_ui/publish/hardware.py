"""What a Space's hardware is called, who may use it, and what it needs to install."""

from dataclasses import dataclass

PAID_PLAN = "a paid plan: PRO for a person, Team or Enterprise for an organization"


@dataclass(frozen=True)
class Hardware:
    """A kind of hardware that the Hub rents out or lends.

    Attributes:
        name: Its name on the command line, and in a README's `suggested_hardware`.
        api_name: Its name in the Hub's API.
        python: The Space's Python version.
        needs: What an account needs to host a Space on it, to complete "Hosting here needs".
        requirements: Lines added to `requirements.txt`; `torch` and `transformers` come from `requirements-torch.txt`.
        torch: The version of PyTorch; empty for the light engine alone.
        free: Whether a free account may host on it.
    """

    name: str
    api_name: str
    python: str
    needs: str
    requirements: tuple[str, ...] = ()
    torch: str = ""
    free: bool = False


def _rented(name: str) -> Hardware:
    return Hardware(name, name, "3.12", "a payment method; the Hub bills it by the minute", torch="2.13.0")


HARDWARE: dict[str, Hardware] = {
    hardware.name: hardware
    for hardware in (
        Hardware(
            "zero-gpu",
            "zero-a10g",
            "3.12.12",
            "an account that is 30 days old and verified, which may host two such Spaces; or " + PAID_PLAN,
            requirements=("spaces==0.51.3",),
            torch="2.11.0",
            free=True,
        ),
        Hardware("cpu-basic", "cpu-basic", "3.12", PAID_PLAN),
        Hardware("cpu-upgrade", "cpu-upgrade", "3.12", "a payment method; the Hub bills it by the minute"),
        *map(_rented, ("t4-small", "t4-medium", "l4x1", "l40sx1", "a10g-small", "a10g-large", "a100-large")),
    )
}
"""By name. The pair of Python and PyTorch for ZeroGPU is one that its documentation lists."""
