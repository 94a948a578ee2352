"""Training data on its way to the device: whatever the user has becomes batches `(x,)`, `(x, y)` or `(x, y, weight)`.

Arrays are moved once and batches are gathered on the device by index. Their order is a pure function of (seed, epoch).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

from corekit.errors import ArgumentError, DataError
from corekit.protocols.dtype import as_dtype
from corekit.protocols.tree import leaves, map_tree
from corekit.training.ahead import Carrier

Batch = tuple[Any, ...]
DEFAULT_BATCH = 32  # as in Keras


class Rows(NamedTuple):
    """A batch that was not gathered yet: a compiled step does it in one piece with what reads the samples first."""

    held: Batch
    numbers: Tensor

    def gathered(self) -> Batch:
        """Return the samples."""
        parts = []
        for part in self.held:  # nearly everybody's are tensors, and this runs once a step
            if type(part) is not Tensor:
                found: Batch = map_tree(lambda t: t.index_select(0, self.numbers), self.held)
                return found
            parts.append(part.index_select(0, self.numbers))
        return tuple(parts)


@dataclass
class Source:
    """Batches that can be gone through once per epoch.

    Args:
        batches: epoch number -> an iterator of batches on the device.
        steps: batches per epoch; None where only the end of the data tells.
        samples: how many samples there are, where that is known.
        rows: as `batches`, with the gathering left to the step; None where a batch is a slice, or on its way to
            another device (a CUDA graph is fed by copies).
    """

    batches: Callable[[int], Iterator[Batch]]
    steps: int | None
    samples: int | None = None
    rows: Callable[[int], Iterator[Rows]] | None = None


def source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    device: torch.device,
    shuffle: bool = False,
    class_weight: dict[int, float] | None = None,
    caller: str = "fit",
) -> Source:
    """Return the batches of whatever users train on.

    Args:
        x: an array or tensor (or a list or dict of them, one per input), a Dataset, a DataLoader, or any iterable of
            batches `(x, y)`; for these y stays None.
        y: labels, as x.
        sample_weight: one number per sample.
        batch_size: default 32, as in Keras.
        device: where batches must be.
        shuffle: whether each epoch has an order of its own; data loaders keep theirs.
        class_weight: class number -> weight of its samples.
        caller: the method's name, for errors.

    Raises:
        DataError: no samples, unequal lengths, values that are not numbers.
    """
    size = DEFAULT_BATCH if batch_size is None else batch_size
    if isinstance(x, Dataset) or _is_stream(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise DataError(f"{caller}: {type(x).__name__} gives its own labels and weights; leave {name} out.")
        return _stream(_loader(x, size, shuffle), device, class_weight, caller)
    return arrays(x, y, sample_weight, batch_size=size, device=device, shuffle=shuffle,
                  class_weight=class_weight, caller=caller)  # fmt: skip


def arrays(
    x: Any,
    y: Any,
    sample_weight: Any,
    *,
    batch_size: int,
    device: torch.device,
    shuffle: bool,
    class_weight: dict[int, float] | None,
    caller: str,
) -> Source:
    """Return the batches of arrays that are held in memory."""
    named = {"x": x, "y": y, "sample_weight": sample_weight}
    data = {name: as_tensors(value, name, caller) for name, value in named.items() if value is not None}
    if class_weight is not None:
        data["sample_weight"] = weigh_classes(data.get("y"), data.get("sample_weight"), class_weight)
    count = check_lengths(data, caller)
    home = device if fits(data, device) else torch.device("cpu")
    carry = nothing_to_carry if home == device else Carrier(device)
    held = tuple(map_tree(lambda t: t.to(home, non_blocking=True), value) for value in data.values())
    if y is None and "sample_weight" in data:
        raise DataError(f"{caller}(sample_weight=...): weights need labels, and y is missing.")
    seed = _draw_seed() if shuffle else 0

    def batches(epoch: int) -> Iterator[Batch]:
        if not shuffle:
            for start in range(0, count, batch_size):
                stop = start + batch_size
                yield carry(map_tree(lambda t, a=start, b=stop: t[a:b], held))
            return
        for batch in rows(epoch):
            yield carry(batch.gathered())

    def rows(epoch: int) -> Iterator[Rows]:
        for index in _order(count, seed, epoch).to(home).split(batch_size):  # type: ignore[no-untyped-call]  # torch's
            yield Rows(held, index)

    return Source(batches, -(-count // batch_size), count, rows if shuffle and device.type == "cpu" else None)


def fits(data: dict[str, Any], device: torch.device) -> bool:
    """Return whether arrays may live on the device: on a CPU always, on CUDA in half of what is free."""
    if device.type != "cuda":
        return True
    away = [t for t in leaves(list(data.values())) if t.device.type != "cuda"]
    return bool(sum(t.numel() * t.element_size() for t in away) < torch.cuda.mem_get_info(device)[0] / 2)


def nothing_to_carry(batch: Batch) -> Batch:
    """Return the batch: it is where it is needed."""
    return batch


def as_tensors(value: Any, name: str = "x", caller: str = "fit") -> Any:
    """Return arrays as tensors; floating point of 64 bits becomes `floatx`.

    Raises:
        DataError: something that holds no numbers.
    """

    def convert(leaf: Any) -> Tensor:
        if hasattr(leaf, "to_numpy"):
            leaf = leaf.to_numpy()
        if isinstance(leaf, np.ndarray):
            if leaf.dtype.kind not in "fiub":
                raise DataError(
                    f"{caller}: {name} holds {leaf.dtype} values, expected numbers.\n"
                    f"  Turn them into numbers first, for example {name}.astype('float32')."
                )
            if leaf.dtype.kind == "u" and leaf.dtype.itemsize > 1:
                leaf = leaf.astype("int64")
            if not (leaf.flags.c_contiguous and leaf.flags.writeable):  # pandas lends what must not be written to
                leaf = leaf.copy()
            leaf = torch.as_tensor(leaf)
        if not isinstance(leaf, Tensor):
            raise DataError(
                f"{caller}: {name} holds {type(leaf).__name__} ({leaf!r:.60}), expected arrays or tensors.\n"
                f"  Write numpy.array({name}) (a list means one array for each input)."
            )
        return to_floatx(leaf)

    return map_tree(convert, value)


def to_floatx(tensor: Tensor) -> Tensor:
    """Return float64 as `floatx`, which is what numpy users mean; everything else as it is."""
    return tensor.to(as_dtype(None)) if tensor.dtype == torch.float64 else tensor


def check_lengths(data: dict[str, Any], caller: str) -> int:
    """Return the number of samples.

    Raises:
        DataError: there are none, or the parts differ.
    """
    lengths = [(name, leaf.shape[0] if leaf.ndim else None) for name, v in data.items() for leaf in leaves(v)]
    if any(length is None for _, length in lengths):
        raise DataError(f"{caller}: a single number is no data; expected arrays whose first axis counts the samples.")
    found = {length for _, length in lengths}
    if not found:
        raise DataError(f"{caller}: there is no data: {', '.join(data)} hold no arrays.")
    if len(found) != 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths)
        raise DataError(f"{caller}: the parts differ in their number of samples: {told}. Each needs the same.")
    count = found.pop()
    if not count:
        raise DataError(f"{caller}: the data is empty: {', '.join(data)} hold 0 samples.")
    return int(count or 0)


def weigh_classes(y: Any, sample_weight: Any, class_weight: dict[int, float]) -> Tensor:
    """Return one weight per sample from the weights of the classes."""
    if not isinstance(y, Tensor):
        raise DataError("class_weight needs one array of labels.")
    for number, weight in class_weight.items():
        if not isinstance(number, Real) or number < 0 or number != int(number) or not isinstance(weight, Real):
            raise ArgumentError(
                f"class_weight={{{number!r}: {weight!r}}}: expected class numbers from 0 with a number for each, such "
                "as {0: 1.0, 1: 2.5}."
            )
    table = torch.ones(int(max(class_weight, default=0)) + 2, device=y.device)  # the last is for every other class
    for number, weight in class_weight.items():
        table[int(number)] = float(weight)
    labels = y.argmax(dim=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(-1)
    weights = table[labels.long().clamp(-1, len(table) - 1)]
    return weights if sample_weight is None else weights * sample_weight.reshape(weights.shape)


def split(x: Any, y: Any, sample_weight: Any, share: float) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return (x, y, weight) twice: all but the last `share` of the samples, and these, as Keras splits.

    Raises:
        ArgumentError: `share` is not between 0 and 1, or leaves one part empty.
        DataError: data that cannot be split, such as a DataLoader.
    """
    if isinstance(share, (str, bool)) or not 0 < share < 1:
        raise ArgumentError(f"fit(validation_split={share!r}): expected a share between 0 and 1, such as 0.1.")
    if isinstance(x, Dataset) or _is_stream(x):
        raise DataError(
            f"fit(validation_split=...): only arrays can be split, got {type(x).__name__}. "
            "Give validation_data=(x_val, y_val) or another loader instead."
        )
    named = {"x": x, "y": y, "sample_weight": sample_weight}
    parts = {name: None if value is None else as_tensors(value, name) for name, value in named.items()}
    count = check_lengths({name: part for name, part in parts.items() if part is not None}, "fit")
    cut = int(count * (1 - share))
    if cut == 0 or cut == count:
        raise ArgumentError(f"fit(validation_split={share}): of {count} samples that leaves one part empty.")
    first = tuple(None if part is None else map_tree(lambda t: t[:cut], part) for part in parts.values())
    return first, tuple(None if part is None else map_tree(lambda t: t[cut:], part) for part in parts.values())


def _is_stream(x: Any) -> bool:
    array = isinstance(x, (np.ndarray, Tensor, list, tuple, dict, str)) or hasattr(x, "to_numpy")
    return isinstance(x, Iterable) and not array


def _loader(x: Any, batch_size: int, shuffle: bool) -> Any:
    """Return batches of a Dataset; what gives batches already is returned as it is."""
    if not isinstance(x, Dataset):
        return x
    ordered = not shuffle or isinstance(x, IterableDataset)
    order = None if ordered else EpochOrder(len(x))  # type: ignore[arg-type]  # what has an order has a length
    return DataLoader(x, batch_size=batch_size, sampler=order)


class EpochOrder(Sampler[int]):
    """Sample numbers in an order that is a function of (seed, epoch) alone.

    Args:
        count: how many samples there are.
    """

    def __init__(self, count: int) -> None:
        self._count, self._seed = count, _draw_seed()
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next, as torch's DistributedSampler does."""
        self._order = _order(self._count, self._seed, epoch)

    def __iter__(self) -> Iterator[int]:
        return iter(self._order.tolist())

    def __len__(self) -> int:
        return self._count


def _draw_seed() -> int:
    """Return the seed of a run's orders, from torch's generator: `utils.set_random_seed` makes it repeat."""
    return int(torch.randint(2**62, ()).item())


def _order(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed ^ epoch))


def _stream(stream: Iterable[Any], device: torch.device, class_weight: dict[int, float] | None, caller: str) -> Source:
    """Return the batches of a loader or generator, each moved to the device as it comes."""
    once = iter(stream) if isinstance(stream, Iterator) else None
    carry = Carrier(device) if device.type == "cuda" else nothing_to_carry

    def batches(epoch: int) -> Iterator[Batch]:
        sampler: Any = getattr(stream, "sampler", None)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        for item in once if once is not None else stream:
            parts = tuple(item) if isinstance(item, (tuple, list)) else (item,)
            if len(parts) > 3:
                raise DataError(f"{caller}: a batch has {len(parts)} parts; expected (x,), (x, y) or (x, y, weight).")
            names = ("x", "y", "sample_weight")
            batch = tuple(as_tensors(part, name, caller) for name, part in zip(names, parts, strict=False))
            if class_weight is not None:
                y, weight = (*batch[1:], None, None)[:2]
                batch = (batch[0], y, weigh_classes(y, weight, class_weight))
            yield carry(map_tree(lambda t: t.to(device), batch) if device.type != "cuda" else batch)

    return Source(batches, _length(stream))


def _length(stream: Iterable[Any]) -> int | None:
    try:
        return len(stream)  # type: ignore[arg-type]  # where it has none, that is the answer
    except TypeError:  # also of a DataLoader over data without an end
        return None
