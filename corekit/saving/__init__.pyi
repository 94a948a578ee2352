from corekit.model.register import register_keras_serializable as register_keras_serializable
from corekit.saving.export import export_model as export_model
from corekit.saving.read import load_model as load_model
from corekit.saving.weights import load_weights as load_weights
from corekit.saving.weights import save_weights as save_weights
from corekit.saving.write import save_model as save_model
