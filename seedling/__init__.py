"""The built-in model: the folder that ships with weft, and the code that made it.

`model/` is a Hugging Face folder of a small Llama (`folder.MODEL_FOLDER`). `corpus.py` generates the text it was
trained on and `train.py` trains it; `tokenizer.py` and `template.jinja` say how text becomes tokens, `evaluate.py`
how good it is. Nothing here is imported by the engine, which knows the model by its folder alone.
"""
