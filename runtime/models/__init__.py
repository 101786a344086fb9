"""Model architectures. `registry.py` maps a Hugging Face architecture name to its class; each family is one file that
serves CPU and GPU alike and reaches the hardware only through `weft.kernels`. `loading.py` fills a model from
safetensors and says which tensor is missing or misshapen."""
