"""Model architectures. `registry.py` maps a Hugging Face architecture name to its class; each family is one file that
serves CPU and GPU alike and reaches the hardware only through `weft.kernels`. `source.py` reads tensors by name, from
whatever files; `loading.py` fills a model from a source and says which tensor is missing or misshapen."""
