"""Model architectures. `registry.py` maps a Hugging Face architecture name to the function that builds its model.

A family is one file that says how it differs from Llama (`llama.py`, read first); what families share stands in
`decoder.py` (the residual stream), `attention_block.py`, `mlp.py`, `moe.py` and `rope_scaling.py`. All serve CPU and
GPU alike and reach the hardware only through `weft.kernels`. `source.py` reads tensors by name, from whatever files;
`loading.py` fills a model from a source and says which tensor is missing or misshapen; `features.py` reads or refuses
what else a config says.
"""
