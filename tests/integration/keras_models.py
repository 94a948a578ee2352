"""Models that Keras saves for the tests of its files: every layer alone, and layers composed in every way."""

IMAGE, SEQUENCE, ROW = "(8, 9, 3)", "(7, 5)", "(6,)"

# name -> (shape of the input, layer)
ALONE = {
    "activation": (ROW, "L.Activation('gelu')"),
    "add": (ROW, "lambda x: L.Add()([x, x, x])"),
    "average_pooling1d": (SEQUENCE, "L.AveragePooling1D(3, strides=2, padding='same')"),
    "average_pooling2d": (IMAGE, "L.AveragePooling2D((2, 3), padding='same')"),
    "batch_normalization": (IMAGE, "L.BatchNormalization(momentum=0.9, epsilon=1e-4)"),
    "batch_normalization_axis": ("(4, 5)", "L.BatchNormalization(axis=1, scale=False)"),
    "concatenate": (SEQUENCE, "lambda x: L.Concatenate(axis=1)([x, x])"),
    "conv1d": (SEQUENCE, "L.Conv1D(4, 3, padding='causal', dilation_rate=2, activation='relu')"),
    "conv2d": (IMAGE, "L.Conv2D(6, (3, 2), strides=2, padding='same', groups=3, use_bias=False)"),
    "dense": (ROW, "L.Dense(4, activation='softmax', kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),"
                   " kernel_constraint='max_norm', kernel_initializer=keras.initializers.HeNormal(seed=3))"),
    "dense_no_bias": (SEQUENCE, "L.Dense(4, activation=keras.activations.silu, use_bias=False, name='output')"),
    "dense_activity": (ROW, "L.Dense(4, activity_regularizer='l2', trainable=False)"),
    "dropout": (ROW, "L.Dropout(0.5, seed=7)"),
    "elu": (ROW, "L.ELU()"),
    "relu": (ROW, "L.ReLU()"),
    "softmax": (SEQUENCE, "L.Softmax()"),
    "embedding": ("(5,), dtype='int32'", "L.Embedding(9, 4, embeddings_regularizer='l2')"),
    "flatten": (IMAGE, "L.Flatten()"),
    "gru": (SEQUENCE, "L.GRU(4, return_sequences=True, go_backwards=True, dropout=0.3, seed=1)"),
    "gru_before": (SEQUENCE, "L.GRU(4, reset_after=False, recurrent_activation='hard_sigmoid')"),
    "global_average_pooling1d": (SEQUENCE, "L.GlobalAveragePooling1D()"),
    "global_average_pooling2d": (IMAGE, "L.GlobalAveragePooling2D(keepdims=True)"),
    "global_max_pooling1d": (SEQUENCE, "L.GlobalMaxPooling1D(keepdims=True)"),
    "global_max_pooling2d": (IMAGE, "L.GlobalMaxPooling2D()"),
    "identity": (ROW, "L.Identity()"),
    "lstm": (SEQUENCE, "L.LSTM(4, unit_forget_bias=False)"),
    "lstm_states": (SEQUENCE, "lambda x: L.Concatenate()(L.LSTM(4, return_state=True, use_bias=False)(x))"),
    "layer_normalization": (SEQUENCE, "L.LayerNormalization(axis=[1, 2], epsilon=1e-2)"),
    "layer_normalization_plain": (ROW, "L.LayerNormalization(center=False, scale=False)"),
    "max_pooling1d": (SEQUENCE, "L.MaxPooling1D(2)"),
    "max_pooling2d": (IMAGE, "L.MaxPooling2D(3, strides=(2, 1))"),
    "multi_head_attention": (SEQUENCE, "lambda x: L.MultiHeadAttention(2, 3, value_dim=4, dropout=0.1)(x, x)"),
    "multi_head_attention_causal": (
        SEQUENCE, "lambda x: L.MultiHeadAttention(2, 3, output_shape=5, use_bias=False)(x, x, use_causal_mask=True)"
    ),
    "rescaling": (IMAGE, "L.Rescaling(1 / 255, offset=[0.1, 0.2, 0.3])"),
    "reshape": (SEQUENCE, "L.Reshape((-1, 7))"),
    "up_sampling2d": (IMAGE, "L.UpSampling2D((2, 3), interpolation='bilinear')"),
    "zero_padding2d": (IMAGE, "L.ZeroPadding2D(((1, 2), (0, 3)))"),
}  # fmt: skip

# Functions that make a model each.
COMPOSED = """
def row_of_all():
    return keras.Sequential([
        keras.Input((8, 8, 1)), L.Rescaling(0.5), L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(),
        L.MaxPooling2D(), L.Conv2D(8, 3), L.Activation("tanh"), L.Flatten(), L.Dropout(0.5), L.Dense(10, "softmax"),
    ], name="digits")

def row_without_an_input():
    model = keras.Sequential([L.Dense(4, activation="relu"), L.Dense(3)])
    model.build((None, 5))
    return model

def row_in_row():
    inner = keras.Sequential([L.Dense(4), keras.Sequential([L.Dense(5, "relu"), L.BatchNormalization()])])
    return keras.Sequential([keras.Input((3,)), inner, L.Dense(2)])

def two_branches():
    x = keras.Input((6,))
    late, early = L.Dense(5, name="late"), L.Dense(5, name="early")   # made in another order than they are used
    a = L.Dense(5)(early(x))
    b = late(x)
    return keras.Model(x, L.Dense(5)(L.Add()([b, a])))

def many_of_one_size():
    x = keras.Input((4,))
    layers = [L.Dense(4, name=name) for name in "dcba"]
    a, b = layers[2](x), layers[0](x)
    c = layers[1](L.Concatenate()([b, a])[:, 1:5])
    return keras.Model(x, [layers[3](a), L.Dense(4)(c), b])

def several_inputs():
    a, b = keras.Input((5,), name="left"), keras.Input((7,), name="right")
    h = L.Concatenate()([L.Dense(4)(b), L.Dense(4)(a)])
    return keras.Model([a, b], [L.Dense(2, name="size")(h), L.Dense(3, "softmax", name="kind")(h)])

def inputs_by_name():
    a, b = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    return keras.Model({"left": a, "right": b}, {"sum": L.Add()([a, b]), "more": L.Dense(3)(a)})

def shared_layer():
    a, b, shared = keras.Input((5,)), keras.Input((5,)), L.Dense(5, activation="tanh")
    return keras.Model([a, b], L.Add()([shared(shared(a)), shared(b)]))

def nested_twice():
    inner_x = keras.Input((4,))
    inner = keras.Model(inner_x, L.Dense(4)(L.Dense(6, "relu")(inner_x)), name="inner")
    x = keras.Input((4,))
    return keras.Model(x, [inner(inner(x)), inner(x)])

def shared_between_models():
    shared, inner_x = L.Dense(4, name="shared"), keras.Input((4,))
    inner = keras.Model(inner_x, shared(inner_x))
    x = keras.Input((4,))
    return keras.Model(x, shared(inner(x)))

def nested_with_many_outputs():
    inner_x = keras.Input((4,))
    inner = keras.Model(inner_x, [L.Dense(2)(inner_x), L.Dense(3)(inner_x)])
    x = keras.Input((4,))
    a, b = inner(x)
    return keras.Model(x, L.Concatenate()([b, a]))

def residual_blocks():
    x = inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, padding="same")(x)
    for _ in range(3):
        h = L.BatchNormalization()(x)
        h = L.Conv2D(4, 3, padding="same", activation="relu")(h)
        x = L.Add()([x, L.Conv2D(4, 1)(h)])
    return keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(x)))

def transformer_block():
    tokens = keras.Input((7,), dtype="int32")
    x = L.Embedding(11, 8)(tokens)
    for _ in range(2):
        h = L.LayerNormalization()(x)
        x = x + L.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)
        x = x + L.Dense(8)(L.Dense(16, "gelu")(L.LayerNormalization()(x)))
    return keras.Model(tokens, L.Dense(11)(x))

def attention_to_another():
    a, b = keras.Input((5, 6)), keras.Input((None, 3))
    y, scores = L.MultiHeadAttention(2, 4)(a, b, return_attention_scores=True)
    return keras.Model([a, b], [y, scores])

def states_passed_on():
    x = keras.Input((7, 5))
    y, h, c = L.LSTM(4, return_sequences=True, return_state=True)(x)
    z = L.LSTM(4)(y, initial_state=[h, c])
    return keras.Model(x, L.Add()([z, L.GRU(4)(y, initial_state=h)]))

def recurrent_stack():
    return keras.Sequential([keras.Input((9,), dtype="int64"), L.Embedding(12, 6), L.GRU(5, return_sequences=True),
                             L.LSTM(4), L.Dense(1, "sigmoid")])

def operators():
    x = keras.Input((6,))
    y = (x * 2.0 - 1) / (abs(x) + 3.0) + (1 - x) ** 2 + x * (x > 0.5)
    y = -y[:, 1:5] @ np.arange(8, dtype="float32").reshape(4, 2)
    return keras.Model(x, y[..., 0])

def activations_as_operations():
    x = keras.Input((6,))
    y = keras.ops.softmax(keras.ops.tanh(keras.ops.relu(x) + keras.ops.sigmoid(x)))
    return keras.Model(x, keras.ops.concatenate([y, keras.ops.gelu(x, approximate=False)], axis=-1))

def frozen_part():
    base = keras.Sequential([keras.Input((4,)), L.Dense(5), L.BatchNormalization()])
    base.trainable = False
    x = keras.Input((4,))
    return keras.Model(x, L.Dense(2)(base(x, training=False)))

def half_in_bfloat16():
    return keras.Sequential([keras.Input((6,)), L.Dense(8, "relu", dtype="mixed_bfloat16"),
                             L.BatchNormalization(dtype="mixed_bfloat16"), L.Dense(3, dtype="float32")])

def weights_in_bfloat16():
    return keras.Sequential([keras.Input((6,)), L.Dense(8, dtype="bfloat16")])

def in_float16():
    return keras.Sequential([keras.Input((6,)), L.Dense(8, "relu", dtype="mixed_float16"),
                             L.Dense(3, "softmax", dtype="mixed_float16")])

def in_float64():
    return keras.Sequential([keras.Input((6,), dtype="float64"), L.Dense(8, dtype="float64")])

def random_graph(seed):
    r = np.random.default_rng(seed)
    made, layers = [keras.Input((4,))], [L.Dense(4, activation="tanh") for _ in range(7)]
    for _ in range(12):
        a, b = (made[r.integers(len(made))] for _ in range(2))
        made.append(layers[r.integers(7)](L.Add()([a, b]) if r.random() < 0.5 and a is not b else a))
    return keras.Model(made[0], [made[i] for i in r.permutation(np.arange(6, 13))[:3]])

def graph_1():
    return random_graph(1)

def graph_2():
    return random_graph(2)

def graph_3():
    return random_graph(3)

def graph_4():
    return random_graph(4)

def graph_5():
    return random_graph(5)

def own_model():
    model = Net(5)
    model.build((None, 3))
    model(np.ones((1, 3), "float32"))
    model.inputs = [keras.Input((3,))]
    return model

def own_activation():
    return keras.Sequential([keras.Input((6,)), L.Dense(4, activation=doubled), L.Activation(doubled)])

def own_class():
    return keras.Sequential([keras.Input((6,)), Gate(4, name="gate"), L.Dense(2)])

def lambda_layer():
    return keras.Sequential([keras.Input((6,)), L.Lambda(lambda x: x * 2, name="twice")])

def training_call():
    x = keras.Input((6,))
    return keras.Model(x, L.Dense(3)(L.Dropout(0.5, name="noise")(x, training=True)))

@keras.saving.register_keras_serializable("mine")
class Gate(L.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size, self.inner, self.blocks = size, L.Dense(size, activation="sigmoid"), [L.Dense(size), L.Dense(size)]
    def build(self, input_shape):
        self.scale = self.add_weight(shape=(self.size,), name="scale")
        self.inner.build(input_shape)
        [block.build((None, self.size)) for block in self.blocks]
    def call(self, inputs):
        return self.blocks[1](self.blocks[0](self.inner(inputs) * self.scale))
    def get_config(self):
        return {**super().get_config(), "size": self.size}

@keras.saving.register_keras_serializable("mine")
class Net(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.last, self._hidden = units, L.Dense(2), L.Dense(units)
        self.first, self.norm, self.parts = L.Dense(units), L.BatchNormalization(), [L.Dense(units), L.Dense(units)]
    def call(self, x):
        return self.last(self.parts[1](self.parts[0](self.norm(self._hidden(self.first(x))))))
    def get_config(self):
        return {**super().get_config(), "units": self.units}

@keras.saving.register_keras_serializable("mine")
def doubled(x):
    return 2 * keras.ops.tanh(x)

def compiled_and_trained():
    model = keras.Sequential([keras.Input((6,)), L.Dense(8), L.BatchNormalization(), L.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((8, 6), "float32"), np.ones((8, 1), "float32"), epochs=2, verbose=0)
    return model
"""
ODD = ("own_model", "own_activation", "own_class", "lambda_layer", "training_call")
NAMES = [
    line.removeprefix("def ").removesuffix("():")
    for line in COMPOSED.splitlines()
    if line.startswith("def ") and line.endswith("():")
]
READ = [*ALONE, *(name for name in NAMES if name not in ODD)]
