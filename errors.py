"""The error tree. Every failure a user can meet is one of these, and its message names the thing and the place.

An error carries `param` (the field, option or variable at fault, where there is one) and `code` (a short, stable word
for programs). The server turns them into HTTP by class: `InvalidRequest` is 400, `NotFound` 404, `Overloaded` 503 ...
"""

from __future__ import annotations


class WeftError(Exception):
    """Base of every error weft raises on purpose.

    Args:
        message: what went wrong, naming the thing, its place and what was expected.
        param: the field, option or variable at fault.
        code: a stable machine-readable word; the class has a default.
    """

    code = "error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code


class InvalidRequest(WeftError, ValueError):
    """The request itself is wrong; sending it again unchanged cannot succeed."""

    code = "invalid_request"


class UnknownOption(InvalidRequest):
    """An option or field that does not exist, or that this backend does not support."""

    code = "unknown_option"


class PromptTooLong(InvalidRequest):
    """The prompt does not fit the model's context."""

    code = "context_length_exceeded"


class GrammarError(InvalidRequest):
    """A constraint that cannot be compiled or cannot be met.

    Args:
        pointer: JSON pointer (schemas) or offset (regexes, grammars) of the place at fault.
        keyword: the schema keyword or syntax element at fault.
    """

    code = "invalid_grammar"

    def __init__(
        self,
        message: str,
        *,
        pointer: str | None = None,
        keyword: str | None = None,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.pointer = pointer
        self.keyword = keyword


class TemplateError(InvalidRequest):
    """A chat template that cannot be rendered for these messages."""

    code = "invalid_template"


class ModelError(WeftError):
    """A model folder that cannot be loaded: unknown architecture, missing tensor, wrong shape."""

    code = "invalid_model"


class NotFound(WeftError, LookupError):
    """A named thing (a model, a session) that does not exist here."""

    code = "not_found"


class EngineError(WeftError, RuntimeError):
    """The engine failed this request through no fault of the request's."""

    code = "engine_error"


class Overloaded(EngineError):
    """The queue is full; try again later."""

    code = "overloaded"


class EngineClosed(EngineError):
    """The engine was shut down, or died, before it could answer."""

    code = "engine_closed"


class Aborted(WeftError):
    """The request was aborted by its caller."""

    code = "aborted"


class DeadlineExceeded(WeftError):
    """The request's own time limit passed before its answer was complete."""

    code = "deadline_exceeded"


class ProgramError(WeftError):
    """A program used the language wrongly."""

    code = "program_error"


class UnknownVariable(ProgramError, KeyError):
    """`state[name]` for a name no call has written."""

    code = "unknown_variable"

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return self.message


class UnsupportedNode(ProgramError, TypeError):
    """A node of the IR that this interpreter or backend does not know."""

    code = "unsupported_node"


class InvalidOutput(WeftError, ValueError):
    """A generation's text does not read as what the program asked for. `text` is all that was generated."""

    code = "invalid_output"

    def __init__(self, message: str, *, text: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message, param=param, code=code)
        self.text = text


class IncompleteOutput(InvalidOutput):
    """A constrained generation ran out of tokens, or met a stop string, before its text was complete."""

    code = "incomplete_output"
