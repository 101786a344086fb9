"""`python -m weft.benchmarks.programs`: what the radix cache saves on the kinds of programs that people write.

The workloads are those of the SGLang paper (Zheng et al. 2024, "SGLang: Efficient Execution of Structured Language
Model Programs", section 6), written anew on synthetic text of small lengths for the built-in model: `questions.py`,
`thinking.py`, `agents.py` and `dialogue.py` hold them by their shape, `texts.py` what they are about. `recorder.py`
notes what each run asked of the engine, `oracle.py` knows how much of that any cache could have saved, and
`command.py`, where to begin, runs each workload with the cache on and off.
"""
