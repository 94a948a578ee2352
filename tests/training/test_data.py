"""Whatever users have becomes batches on the device, in an order that is a function of (seed, epoch)."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, TensorDataset

import corekit as ck
from corekit.errors import ArgumentError, DataError
from corekit.training.data import as_tensors, source, split, weigh_classes

CPU = torch.device("cpu")


class Numbers(Dataset):
    """x is the sample's number, y its square."""

    def __init__(self, count=10):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return torch.tensor([float(index)]), torch.tensor([float(index**2)])


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.tensor([float(i)]), torch.tensor([0.0])) for i in range(5)])


class FakeFrame:
    """What pandas and polars have in common; its array is lent read-only, as pandas' is."""

    def to_numpy(self):
        array = np.arange(6.0).reshape(3, 2)
        array.flags.writeable = False
        return array


def xs(made, epoch=0):
    """The x of an epoch, batch after batch."""
    return [batch[0].flatten().tolist() for batch in made.batches(epoch)]


def samples(made, epoch=0):
    """The x of an epoch, in a row."""
    return [x for batch in xs(made, epoch) for x in batch]


# Arrays


def test_last_batch_is_smaller():
    made = source(np.arange(10.0), batch_size=4, device=CPU)

    assert xs(made) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert (made.steps, made.samples) == (3, 10)


def test_batch_larger_than_data_is_all():
    made = source(np.arange(3.0), batch_size=100, device=CPU)

    assert xs(made) == [[0, 1, 2]]
    assert made.steps == 1


def test_batch_size_is_32_by_default():
    made = source(np.arange(33.0), device=CPU)

    assert [len(batch) for batch in xs(made)] == [32, 1]


def test_x_y_and_weights_stay_together():
    numbers = np.arange(10.0)

    batches = list(source(numbers, numbers * 2, numbers * 3, batch_size=3, device=CPU, shuffle=True).batches(0))

    assert all(torch.equal(y, 2 * x) and torch.equal(weight, 3 * x) for x, y, weight in batches)


def test_float64_becomes_floatx():
    assert as_tensors(np.ones(2)).dtype == torch.float32


def test_float64_tensor_becomes_floatx():
    assert as_tensors(torch.ones(2, dtype=torch.float64)).dtype == torch.float32


@pytest.mark.parametrize("name", ["float16", "uint8", "bool", "int32", "int64"])
def test_other_dtypes_stay(name):
    assert as_tensors(np.ones(2, dtype=name)).dtype == getattr(torch, name)


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_wide_unsigned_becomes_int64(name):
    assert as_tensors(np.ones(2, dtype=name)).dtype == torch.int64


def test_structure_of_inputs_is_kept():
    batch = next(source({"a": np.zeros(4), "b": [np.ones(4), np.ones(4)]}, batch_size=2, device=CPU).batches(0))

    assert batch[0]["a"].shape == (2,)
    assert [len(part) for part in batch[0]["b"]] == [2, 2]


def test_frames_become_tensors():
    assert as_tensors(FakeFrame()).tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("change", [lambda a: a[::-1], lambda a: a.T, lambda a: a[:, ::2]], ids=["flip", "T", "step"])
def test_strided_arrays_are_read_right(change):
    array = change(np.arange(12.0).reshape(3, 4))

    assert as_tensors(array).tolist() == array.tolist()


def test_user_array_is_not_copied():
    array = np.zeros((3, 2), dtype="float32")

    assert as_tensors(array).data_ptr() == array.ctypes.data


# Order


def order(seed, epoch, data=None):
    ck.utils.set_random_seed(seed)
    made = source(np.arange(50.0) if data is None else data, batch_size=7, device=CPU, shuffle=True)
    return samples(made, epoch)


@pytest.mark.parametrize("data", [None, Numbers(50)], ids=["arrays", "dataset"])
class TestOrder:
    def test_shuffle_gives_each_sample_once(self, data):
        assert sorted(order(0, 0, data)) == list(range(50))

    def test_order_repeats_after_seed(self, data):
        assert order(3, 5, data) == order(3, 5, data)

    def test_order_differs_between_epochs(self, data):
        assert order(3, 0, data) != order(3, 1, data)

    def test_order_differs_between_seeds(self, data):
        assert order(3, 0, data) != order(4, 0, data)

    def test_order_depends_on_nothing_else(self, data):
        """Dropout, earlier epochs and other draws leave it alone, so a resumed run sees the same batches."""
        ck.utils.set_random_seed(3)
        made = source(np.arange(50.0) if data is None else data, batch_size=7, device=CPU, shuffle=True)
        xs(made, 0)
        torch.rand(100)

        later = samples(made, 5)

        assert later == order(3, 5, data)


def test_unshuffled_order_is_given_order():
    made = source(np.arange(10.0), batch_size=4, device=CPU)

    assert samples(made, 0) == samples(made, 1) == list(range(10))


def test_distributed_sampler_learns_the_epoch():
    dataset = Numbers(20)
    loader = DataLoader(dataset, batch_size=5, sampler=DistributedSampler(dataset, num_replicas=1, rank=0))

    made = source(loader, device=CPU)

    assert xs(made, 0) != xs(made, 1)


# Datasets, loaders, generators


def test_dataset_is_batched():
    made = source(Numbers(5), batch_size=2, device=CPU)

    assert xs(made) == [[0, 1], [2, 3], [4]]
    assert made.steps == 3


def test_tensor_dataset_gives_x_and_y():
    made = source(TensorDataset(torch.arange(4.0), torch.arange(4)), batch_size=4, device=CPU)

    x, y = next(made.batches(0))

    assert x.tolist() == y.tolist() == [0, 1, 2, 3]


def test_iterable_dataset_has_no_length():
    made = source(Stream(), batch_size=2, device=CPU, shuffle=True)

    assert made.steps is None
    assert xs(made) == [[0, 1], [2, 3], [4]]


def test_loader_of_iterable_dataset_has_no_length():
    assert source(DataLoader(Stream(), batch_size=2), device=CPU).steps is None


def test_loader_keeps_its_own_batches():
    made = source(DataLoader(Numbers(6), batch_size=3), batch_size=2, device=CPU, shuffle=True)

    assert xs(made) == [[0, 1, 2], [3, 4, 5]]


def test_numpy_batches_of_generator_become_floatx():
    made = source(((np.ones((2, 1)), np.ones(2)) for _ in range(3)), device=CPU)

    assert [batch[0].dtype for batch in made.batches(0)] == [torch.float32] * 3


def test_generator_goes_on_in_next_epoch():
    made = source((np.array([float(i)]) for i in range(4)), device=CPU)
    first = next(made.batches(0))

    second = next(made.batches(1))

    assert (first[0].item(), second[0].item()) == (0, 1)


def test_batch_of_four_parts_is_refused():
    with pytest.raises(DataError, match=r"4 parts; expected \(x,\), \(x, y\) or \(x, y, weight\)"):
        list(source(iter([(1, 2, 3, 4)]), device=CPU).batches(0))


@pytest.mark.parametrize("argument", ["y", "sample_weight"])
def test_loader_with_extra_argument_is_refused(argument):
    with pytest.raises(DataError, match=f"gives its own labels and weights; leave {argument} out"):
        source(DataLoader(Numbers()), device=CPU, **{argument: np.zeros(10)})


# Class weights


@pytest.mark.parametrize(
    "y",
    [torch.tensor([0, 2, 1]), torch.tensor([[0.0], [2.0], [1.0]]), torch.eye(3)[[0, 2, 1]]],
    ids=["numbers", "column", "one-hot"],
)
def test_class_weight_is_looked_up(y):
    assert weigh_classes(y, None, {0: 0.5, 2: 3.0}).tolist() == [0.5, 3.0, 1.0]


def test_class_weight_multiplies_sample_weight():
    assert weigh_classes(torch.tensor([0, 1]), torch.tensor([2.0, 4.0]), {1: 3.0}).tolist() == [2.0, 12.0]


def test_column_of_sample_weights_is_a_row():
    assert weigh_classes(torch.tensor([0, 1]), torch.tensor([[2.0], [4.0]]), {1: 3.0}).tolist() == [2.0, 12.0]


def test_class_weight_takes_numpy_numbers():
    table = dict(zip(np.unique([0, 1]), np.array([1.0, 5.0]), strict=True))

    assert weigh_classes(torch.tensor([1, 0]), None, table).tolist() == [5.0, 1.0]


def test_class_weight_reaches_batches_of_loader():
    batch = next(source(DataLoader(Numbers(3), batch_size=3), device=CPU, class_weight={1: 7.0}).batches(0))

    assert batch[2].tolist() == [1.0, 7.0, 1.0]


def test_class_weight_by_name_is_refused():
    with pytest.raises(ArgumentError, match=r"class_weight=\{'cat': 2.0\}: expected class numbers"):
        weigh_classes(torch.tensor([0]), None, {"cat": 2.0})


def test_class_weight_without_labels_is_refused():
    with pytest.raises(DataError, match="class_weight needs one array of labels"):
        source(np.zeros(3), class_weight={0: 1.0}, device=CPU)


# Splitting


def test_split_takes_the_last_samples():
    (x, y, weight), (vx, vy, vw) = split(np.arange(10.0), np.arange(10), None, 0.25)

    assert (x.tolist(), vx.tolist()) == (list(range(7)), [7, 8, 9])  # int(10 * 0.75), as Keras cuts
    assert (y.tolist(), vy.tolist()) == (list(range(7)), [7, 8, 9])
    assert weight is vw is None


def test_split_reaches_every_part():
    (x, _, weight), (vx, _, vw) = split({"a": np.arange(4)}, np.arange(4), np.arange(4.0), 0.5)

    assert (x["a"].tolist(), vx["a"].tolist()) == ([0, 1], [2, 3])
    assert (weight.tolist(), vw.tolist()) == ([0, 1], [2, 3])


@pytest.mark.parametrize("share", [1.0, -0.1, 2, "0.1", True])
def test_share_out_of_range_is_refused(share):
    with pytest.raises(ArgumentError, match=r"validation_split=.*expected a share between 0 and 1, such as 0.1"):
        split(np.arange(10.0), None, None, share)


def test_split_that_leaves_nothing_is_refused():
    with pytest.raises(ArgumentError, match="of 2 samples that leaves one part empty"):
        split(np.arange(2.0), None, None, 0.9)


def test_loader_cannot_be_split():
    with pytest.raises(DataError, match=r"only arrays can be split, got DataLoader.*validation_data"):
        split(DataLoader(Numbers()), None, None, 0.5)


def test_split_names_the_parts_that_differ():
    with pytest.raises(DataError, match="x 10, y 9"):
        split(np.zeros(10), np.zeros(9), None, 0.5)


# What is refused


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array(["a", "b"]), "<U1"),
        (np.array([object()]), "object"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
    ],
    ids=["text", "objects", "dates"],
)
def test_arrays_of_no_numbers_are_refused(array, kind):
    with pytest.raises(DataError, match=rf"x holds {kind}.*expected numbers.*\n.*x\.astype\('float32'\)"):
        source(array, device=CPU)


@pytest.mark.parametrize("value", [[1.0, 2.0], [[1, 2], [3, 4]], ["a", "b"], "file.csv", 5, (None, None)])
def test_what_is_no_array_is_refused(value):
    with pytest.raises(DataError, match=r"x holds \w+ \(.*\), expected arrays or tensors.\n  Write numpy.array\(x\)"):
        source(value, device=CPU)


def test_lengths_that_differ_are_told():
    with pytest.raises(DataError, match=r"fit: the parts differ in their number of samples: x 10, y 9\."):
        source(np.zeros(10), np.zeros(9), device=CPU)


@pytest.mark.parametrize("x", [np.zeros((0, 3)), torch.zeros(0)])
def test_empty_arrays_are_refused(x):
    with pytest.raises(DataError, match="the data is empty: x hold 0 samples"):
        source(x, device=CPU)


def test_no_arrays_are_refused():
    with pytest.raises(DataError, match="there is no data: x hold no arrays"):
        source([], device=CPU)


@pytest.mark.parametrize("x", [np.array(5.0), torch.tensor(5.0)], ids=["numpy", "torch"])
def test_single_number_is_refused(x):
    with pytest.raises(DataError, match="a single number is no data"):
        source(x, device=CPU)


def test_weights_without_labels_are_refused():
    with pytest.raises(DataError, match="weights need labels, and y is missing"):
        source(np.zeros(3), None, np.ones(3), device=CPU)
