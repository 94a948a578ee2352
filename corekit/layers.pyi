# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.model.graph import Input as Input
from corekit.protocols.layer import Layer as Layer
from corekit_layers_basic.activation import Activation as Activation
from corekit_layers_basic.add import Add as Add
from corekit_layers_basic.batch_normalization import BatchNormalization as BatchNormalization
from corekit_layers_basic.concatenate import Concatenate as Concatenate
from corekit_layers_basic.dense import Dense as Dense
from corekit_layers_basic.dropout import Dropout as Dropout
from corekit_layers_basic.flatten import Flatten as Flatten
from corekit_layers_basic.identity import Identity as Identity
from corekit_layers_basic.layer_normalization import LayerNormalization as LayerNormalization
from corekit_layers_basic.rescaling import Rescaling as Rescaling
from corekit_layers_basic.reshape import Reshape as Reshape
from corekit_layers_conv.average_pooling1d import AveragePooling1D as AveragePooling1D
from corekit_layers_conv.average_pooling2d import AveragePooling2D as AveragePooling2D
from corekit_layers_conv.conv1d import Conv1D as Conv1D
from corekit_layers_conv.conv2d import Conv2D as Conv2D
from corekit_layers_conv.global_average_pooling1d import GlobalAveragePooling1D as GlobalAveragePooling1D
from corekit_layers_conv.global_average_pooling2d import GlobalAveragePooling2D as GlobalAveragePooling2D
from corekit_layers_conv.global_max_pooling1d import GlobalMaxPooling1D as GlobalMaxPooling1D
from corekit_layers_conv.global_max_pooling2d import GlobalMaxPooling2D as GlobalMaxPooling2D
from corekit_layers_conv.max_pooling1d import MaxPooling1D as MaxPooling1D
from corekit_layers_conv.max_pooling2d import MaxPooling2D as MaxPooling2D
from corekit_layers_conv.up_sampling2d import UpSampling2D as UpSampling2D
from corekit_layers_conv.zero_padding2d import ZeroPadding2D as ZeroPadding2D
from corekit_layers_sequence.embedding import Embedding as Embedding
from corekit_layers_sequence.gru import GRU as GRU
from corekit_layers_sequence.lstm import LSTM as LSTM
from corekit_layers_sequence.multi_head_attention import MultiHeadAttention as MultiHeadAttention

def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
