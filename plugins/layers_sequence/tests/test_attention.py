import pytest
import torch

from corekit.errors import ArgumentError, ShapeError
from corekit.layers import Embedding, MultiHeadAttention


def test_attention_matches_torch():
    torch_layer = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    layer, x = MultiHeadAttention(2, 3), torch.randn(4, 5, 6)
    layer(x, x)
    kernels = [part.T.reshape(6, 2, 3) for part in torch_layer.in_proj_weight.chunk(3)]
    biases = [part.reshape(2, 3) for part in torch_layer.in_proj_bias.chunk(3)]
    names = ("query", "key", "value")
    state = {f"{name}_kernel": kernel for name, kernel in zip(names, kernels, strict=True)}
    state |= {f"{name}_bias": bias for name, bias in zip(names, biases, strict=True)}
    state |= {"output_kernel": torch_layer.out_proj.weight.T.reshape(2, 3, 6), "output_bias": torch_layer.out_proj.bias}

    layer.load_state_dict(state)

    torch.testing.assert_close(layer(x, x), torch_layer(x, x, x)[0])


def test_scores_sum_to_one():
    x = torch.randn(4, 5, 6)

    outputs, scores = MultiHeadAttention(2, 3)(x, x, return_attention_scores=True)

    assert (outputs.shape, scores.shape) == ((4, 5, 6), (4, 2, 5, 5))
    torch.testing.assert_close(scores.sum(-1), torch.ones(4, 2, 5))


@pytest.mark.parametrize("mask", [{}, {"use_causal_mask": True}, {"attention_mask": torch.eye(5).bool()}], ids=str)
def test_output_is_the_same_with_scores(mask):
    layer, x = MultiHeadAttention(2, 3), torch.randn(4, 5, 6)

    torch.testing.assert_close(layer(x, x, **mask), layer(x, x, return_attention_scores=True, **mask)[0])


def test_causal_attention_sees_no_later_step():
    layer, x = MultiHeadAttention(2, 3), torch.randn(1, 5, 6)
    before = layer(x, x, use_causal_mask=True)

    x[:, 3:] += 1.0

    torch.testing.assert_close(layer(x, x, use_causal_mask=True)[:, :3], before[:, :3])


@pytest.mark.parametrize("shape", [(4, 5, 7), (1, 5, 7), (5, 7), (4, 1, 7), (4, 2, 5, 7)], ids=str)
def test_mask_may_have_the_shape(shape):
    layer, query, value = MultiHeadAttention(2, 3), torch.randn(4, 5, 6), torch.randn(4, 7, 6)
    mask = torch.ones(shape)
    mask[..., 4:] = 0

    torch.testing.assert_close(layer(query, value, attention_mask=mask), layer(query, value[:, :4]))


@pytest.mark.parametrize("scores", [False, True])
def test_dropout_acts_in_training_only(scores):
    layer, x = MultiHeadAttention(2, 3, dropout=0.5), torch.randn(4, 5, 6)

    def output(training):
        found = layer(x, x, return_attention_scores=scores, training=training)
        return found[0] if scores else found

    assert torch.equal(output(False), output(False))
    assert not torch.equal(output(True), output(True))


def test_initializer_is_drawn_for_each_kernel():
    layer, x = MultiHeadAttention(2, 3), torch.randn(4, 5, 6)
    layer(x, x)

    assert not torch.equal(layer.query_kernel, layer.key_kernel)


# Errors


def test_attention_axes_say_what_to_do():
    with pytest.raises(ArgumentError, match=r"attention_axes=\(1, 2\)\): only None\.\n  Reshape the input"):
        MultiHeadAttention(2, 3, attention_axes=(1, 2))


def test_input_of_other_axes_is_told():
    with pytest.raises(ShapeError, match=r"expects \(batch, steps, features\), got \(batch, 5, 6, 2\)"):
        MultiHeadAttention(2, 3)(torch.randn(4, 5, 6, 2), torch.randn(4, 5, 6, 2))


def test_keys_must_match_values():
    with pytest.raises(ShapeError, match="needs a key for each value"):
        MultiHeadAttention(2, 3)(torch.randn(4, 5, 6), torch.randn(4, 7, 6), key=torch.randn(4, 8, 6))


@pytest.mark.parametrize("arguments", [{"num_heads": 0, "key_dim": 2}, {"num_heads": 1, "key_dim": None}], ids=str)
def test_sizes_must_be_whole_numbers(arguments):
    with pytest.raises(ArgumentError, match="expected a whole number from 1"):
        MultiHeadAttention(**arguments)


def test_seed_is_refused_with_the_line_to_write():
    with pytest.raises(ArgumentError, match=r"corekit\.utils\.set_random_seed\(7\)"):
        MultiHeadAttention(2, 3, seed=7)


# Embedding


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.uint8, torch.float32], ids=str)
def test_embedding_takes_numbers_of(dtype):
    layer = Embedding(10, 4)

    found = layer(torch.tensor([[1, 9]], dtype=dtype))

    assert torch.equal(found[0], layer.embeddings[[1, 9]])


def test_embedding_starts_uniform():
    layer = Embedding(1000, 10)
    layer.build((None, 3))

    assert 0.049 < layer.embeddings.abs().max() <= 0.05


def test_mask_zero_says_what_to_write():
    with pytest.raises(ArgumentError, match=r"mask_zero=True.*\n.*\n.*attention_mask=\(tokens != 0\)\[:, None, :\]"):
        Embedding(10, 4, mask_zero=True)


@pytest.mark.parametrize("arguments", [(0, 4), (10, 2.5), (True, 4)], ids=str)
def test_embedding_sizes_must_be_whole_numbers(arguments):
    with pytest.raises(ArgumentError, match="expected a whole number from 1"):
        Embedding(*arguments)
