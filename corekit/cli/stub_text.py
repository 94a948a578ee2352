"""The text of a namespace's .pyi: of the standard plugins for `make stubs`, of all for `corekit stubs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

OWN = {
    "layers": ["from corekit.model.graph import Input as Input", "from corekit.protocols.layer import Layer as Layer"],
    "optimizers": [
        "from corekit import optimizers as optimizers",
        "from corekit import schedules as schedules",
        "from corekit.protocols.optimizer import Optimizer as Optimizer",
    ],
    "losses": ["from corekit.protocols.loss import Loss as Loss"],
    "metrics": ["from corekit.protocols.metric import Metric as Metric"],
    "activations": [],
    "initializers": ["from corekit.protocols.weights import Initializer as Initializer"],
    "regularizers": ["from corekit.protocols.weights import Regularizer as Regularizer"],
    "constraints": ["from corekit.protocols.weights import Constraint as Constraint"],
    "schedules": ["from corekit.protocols.schedule import LearningRateSchedule as LearningRateSchedule"],
    "callbacks": [
        "from corekit.protocols.callback import Callback as Callback",
        "from corekit.training.history import History as History",
    ],
    "ops": [],
}
"""What each namespace has besides its components; the order is that of the generated table of owners."""

WITHOUT_GET = ("callbacks", "ops")


def reserved(kind: str) -> set[str]:
    """Return the names that a component cannot have in a namespace's stub.

    Example:
        >>> sorted(reserved("losses"))
        ['Any', 'Loss', 'get']
    """
    own = {line.split()[-1] for line in OWN[kind]}
    more = {"experimental"} if kind == "optimizers" else set()
    return {*own, *more, "Any", *(() if kind in WITHOUT_GET else ("get",))}


def stub(kind: str, targets: Mapping[str, str], *, note: str, comments: Sequence[str] = ()) -> str:
    """Return the .pyi of one namespace.

    An alias is an assignment: `from a import A as B` exports nothing from a stub.

    Args:
        kind: whose namespace.
        targets: name -> "module:attribute".
        note: the comment at its top.
        comments: further ones, which follow the names.
    """
    imports = list(OWN[kind])
    aliases = ["experimental = optimizers"] if kind == "optimizers" else []
    for name, target in sorted(targets.items()):
        module, _, attribute = target.partition(":")
        if name == attribute:
            imports.append(f"from {module} import {name} as {name}")
        elif targets.get(attribute) == target:
            aliases.append(f"{name} = {attribute}")
        else:
            imports.append(f"from {module} import {attribute} as _{name}")
            aliases.append(f"{name} = _{name}")
    lines = [note, "from typing import Any", "", *sorted(imports, key=_import_order), "", *aliases]
    lines += [f"# {comment}" for comment in comments]
    if kind not in WITHOUT_GET:
        lines.append("def get(spec: Any) -> Any: ...")
    lines += ["def __getattr__(name: str) -> Any: ...  # what other distributions bring", ""]
    return "\n".join(lines)


def _import_order(line: str) -> tuple[bool, str, str, str]:
    _, module, _, name, *rest = line.split()
    return (module.split(".")[0] != "corekit", module, name, rest[-1])
