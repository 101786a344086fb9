"""Requests that take two or three calls, where a later call needs what an earlier one found."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .drawing import Draw
from .tool_values import Value, one_of, text_of, whole


@dataclass(frozen=True)
class Step:
    """One call: the tool's family, its arguments (a known key, or a text with {key}) and what to keep of its result."""

    family: str
    arguments: dict[str, str]
    keep: dict[str, str]


@dataclass(frozen=True)
class Chain:
    """A request, the calls it takes, and the answer."""

    values: dict[str, Callable[[Draw], Value]] = field(repr=False)
    requests: tuple[str, ...]
    steps: tuple[Step, ...]
    answers: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.requests)

    @property
    def families(self) -> tuple[str, ...]:
        """The tools it takes, each once."""
        return tuple(dict.fromkeys(step.family for step in self.steps))


def _price(of: str = "item", keep: str = "price") -> Step:
    return Step("price", {"item": of}, {"price": keep})


def _calculator(expression: str) -> Step:
    return Step("arithmetic", {"expression": expression}, {"value": "value"})


_VALUE_ANSWERS = ("It is {value}.", "The result is {value}.", "That comes to {value}.", "{value}.")

CHAINS: tuple[Chain, ...] = (
    Chain(
        {"item": text_of("item"), "n": whole(2, 60)},
        (
            "How much are {n} {item}s?",
            "What do {n} pieces of the {item} cost?",
            "I want {n} of the {item}. What is the total?",
            "Total for {n} times the {item}?",
            "We buy {n} {item}s, how much is that in all?",
            "What would {n} {item}s cost me?",
            "Price of {n} of the {item} together?",
        ),
        (_price(), _calculator("{price} * {n}")),
        (
            "{n} of the {item} cost {value}.",
            "The total is {value}.",
            "That is {value} in all.",
            "{n} at {price} each come to {value}.",
        ),
    ),
    Chain(
        {"item": text_of("item"), "other": text_of("item")},
        (
            "What do the {item} and the {other} cost together?",
            "How much for one {item} and one {other}?",
            "Sum of the prices of the {item} and the {other}?",
            "I take a {item} and a {other}. What do I pay?",
            "Add up the {item} and the {other}.",
        ),
        (_price(), _price("other", "second"), _calculator("{price} + {second}")),
        (
            "Together they cost {value}.",
            "The {item} and the {other} come to {value}.",
            "You pay {value}.",
            "{value} for both.",
        ),
    ),
    Chain(
        {"item": text_of("item"), "n": whole(2, 90)},
        (
            "What does the {item} cost with {n} for shipping?",
            "Price of the {item} plus {n} delivery?",
            "Add {n} to the price of the {item}.",
            "The {item} and {n} postage, how much is it?",
        ),
        (_price(), _calculator("{price} + {n}")),
        _VALUE_ANSWERS,
    ),
    Chain(
        {"item": text_of("item"), "n": whole(200, 900)},
        (
            "I pay the {item} with {n}. How much do I get back?",
            "I have {n}; what is left after buying the {item}?",
            "How much of {n} remains if I buy a {item}?",
            "Take the price of the {item} from {n}.",
        ),
        (_price(), _calculator("{n} - {price}")),
        ("{value} is left.", "You get {value} back.", "There remains {value}.", "That leaves {value}."),
    ),
    Chain(
        {"item": text_of("item"), "n": whole(2, 9)},
        (
            "{n} of us share one {item}. What does each pay?",
            "Split the price of the {item} by {n}.",
            "Divide what the {item} costs by {n}.",
            "The {item} shared among {n} people, how much each?",
        ),
        (_price(), _calculator("{price} / {n}")),
        ("Each pays {value}.", "It is {value} for each.", "That is {value} a head.", "{value} each."),
    ),
    Chain(
        {"ticker": text_of("ticker"), "n": whole(2, 400)},
        (
            "What are {n} shares of {ticker} worth?",
            "Value of {n} {ticker} shares?",
            "I hold {n} {ticker}. How much is that?",
            "If I sell {n} shares of {ticker}, what do I get?",
        ),
        (Step("stock", {"ticker": "ticker"}, {"price": "price"}), _calculator("{price} * {n}")),
        (
            "{n} shares of {ticker} are worth {value}.",
            "They are worth {value}.",
            "That is {value}.",
            "At {price} each, {value}.",
        ),
    ),
    Chain(
        {"country": text_of("country")},
        (
            "What is the weather in the capital of {country}?",
            "How is the weather in {country}'s capital?",
            "Is it raining in the capital of {country}?",
            "Weather for {country}'s capital city, please.",
        ),
        (
            Step("capital", {"country": "country"}, {"capital": "capital"}),
            Step("weather", {"city": "capital"}, {"temperature": "temperature", "sky": "sky"}),
        ),
        (
            "In {capital} it is {sky} at {temperature} degrees.",
            "It is {sky} in {capital}, {temperature} degrees.",
            "{capital}: {sky}, {temperature} degrees.",
        ),
    ),
    Chain(
        {"country": text_of("country")},
        (
            "How many people live in the capital of {country}?",
            "Population of {country}'s capital?",
            "How big is the capital of {country} in inhabitants?",
            "What is the population of the capital of {country}?",
        ),
        (
            Step("capital", {"country": "country"}, {"capital": "capital"}),
            Step("population", {"city": "capital"}, {"people": "people"}),
        ),
        (
            "{people} people live in {capital}.",
            "{capital} has {people} inhabitants.",
            "The capital, {capital}, has {people} people.",
        ),
    ),
    Chain(
        {"country": text_of("country")},
        (
            "What time is it in the capital of {country}?",
            "Local time in {country}'s capital?",
            "How late is it in the capital of {country}?",
        ),
        (
            Step("capital", {"country": "country"}, {"capital": "capital"}),
            Step("clock", {"city": "capital"}, {"time": "time"}),
        ),
        ("It is {time} in {capital}.", "{time} in {capital}.", "The clock in {capital} says {time}."),
    ),
    Chain(
        {"person": text_of("person"), "text": text_of("message")},
        (
            "Mail {person} that {text}",
            'Send {person} a mail: "{text}"',
            "Write to {person}: {text}",
            "Find {person}'s address and mail them: {text}",
            "Let {person} know by mail that {text}",
        ),
        (
            Step("contact", {"person": "person"}, {"email": "email"}),
            Step("mail", {"to": "email", "body": "text"}, {"message": "message"}),
        ),
        ("The mail to {person} is sent.", "I wrote to {email}.", "Done, {person} has your mail.", "Sent to {email}."),
    ),
    Chain(
        {
            "item": text_of("item"),
            "source": one_of("EUR", "GBP", "CHF"),
            "target": one_of("USD", "JPY", "SEK", "INR", "BRL"),
        },
        (
            "The price list is in {source}. What is the {item} in {target}?",
            "What does the {item} cost in {target}? Our prices are in {source}.",
            "Price of the {item} from {source} to {target}?",
            "Convert the price of the {item} from {source} into {target}.",
        ),
        (
            _price(),
            Step("currency", {"amount": "price", "source": "source", "target": "target"}, {"value": "value"}),
        ),
        ("The {item} costs {value} {target}.", "That is {value} {target}.", "{price} {source} is {value} {target}."),
    ),
    Chain(
        {"first": text_of("city"), "second": text_of("city")},
        (
            "How many people live in {first} and {second} together?",
            "Add the populations of {first} and {second}.",
            "{first} plus {second}: how many inhabitants?",
            "Total population of {first} and {second}?",
        ),
        (
            Step("population", {"city": "first"}, {"people": "a"}),
            Step("population", {"city": "second"}, {"people": "b"}),
            _calculator("{a} + {b}"),
        ),
        ("Together {value} people.", "{first} and {second} have {value} inhabitants.", "{value} in all."),
    ),
)
