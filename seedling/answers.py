"""Short questions whose answer stands in the given context, and small talk about the model itself."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .copying import email, person, phone, words
from .drawing import Draw
from .example import Example
from .tool_values import city, company, country, date, item, street, time

Maker = Callable[[Draw], str]


@dataclass(frozen=True)
class Fact:
    """What can be said of a subject {s}: statements and questions with the value {v}, and a sentence that answers."""

    key: str
    make: Maker
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    sentence: str


def _pick(*options: str) -> Maker:
    return lambda draw: draw.value(options)


def _year(draw: Draw) -> str:
    return str(draw.rng.randint(1820, 2026))


def _count(low: int, high: int) -> Maker:
    return lambda draw: str(draw.rng.randint(low, high))


def _money(draw: Draw) -> str:
    number = draw.rng.choice((str(draw.rng.randint(2, 990)), f"{draw.rng.uniform(1, 400):.2f}"))
    return draw.rng.choice(
        (f"{number} euros", f"{number} dollars", f"${number}", f"{number} EUR", f"€{number}", f"£{number}")
    )


def _day(draw: Draw) -> str:
    months = "January February March April May June July August September October November December".split()
    month, number = draw.rng.choice(months), draw.rng.randint(1, 28)
    year = f" {draw.rng.randint(2019, 2028)}" if draw.chance(0.6) else ""
    return draw.rng.choice((f"{number} {month}{year}", f"{month} {number}{',' if year else ''}{year}", date(draw)))


_JOBS = (
    "baker", "nurse", "pilot", "carpenter", "teacher", "lawyer", "plumber", "dentist", "painter", "chemist", "welder", "cook",
    "translator", "florist", "tailor", "judge", "surveyor", "librarian", "sailor", "farmer", "optician", "editor", "violinist",
)  # fmt: skip
_COLOURS = (
    "red", "dark green", "pale blue", "white", "black", "bright yellow", "grey", "orange", "purple", "brown", "silver", "pink",
    "turquoise", "navy blue", "cream", "golden",
)  # fmt: skip
_HOBBIES = (
    "chess", "rowing", "pottery", "fencing", "gardening", "sailing", "knitting", "climbing", "jazz", "bird watching",
    "photography", "archery", "baking", "origami", "astronomy", "table tennis", "cycling", "folk dancing",
)  # fmt: skip
_MATERIALS = (
    "oak", "steel", "wool", "cotton", "glass", "leather", "copper", "bamboo", "clay", "linen", "marble", "plastic", "brass",
    "cork", "slate",
)  # fmt: skip
_PETS = (
    "a parrot", "two cats", "a grey horse", "three hens", "an old dog", "a tortoise", "a goat", "six fish", "a rabbit", "a ferret",
    "twin ponies", "a donkey",
)  # fmt: skip
_LANGUAGES = (
    "Finnish", "Turkish", "Swahili", "Portuguese", "Polish", "Hindi", "Welsh", "Greek", "Korean", "Danish", "Arabic", "Basque",
    "Hungarian", "Thai",
)  # fmt: skip
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_TRADES = (
    "bicycles", "software for farms", "paper cups", "window frames", "fishing boats", "winter coats", "solar panels", "cheese",
    "board games", "hearing aids", "toy trains", "garden tools", "door locks", "running shoes", "church bells", "coffee roasters",
)  # fmt: skip

_OF_PERSON = (
    Fact("birthplace", city, ("{s} was born in {v}.", "{s} comes from {v}.", "{s} grew up in {v}.", "{v} is the home town of {s}."), ("Where was {s} born?", "Where does {s} come from?", "Which town is {s} from?", "What is {s}'s home town?"), "{s} comes from {v}."),
    Fact("residence", city, ("{s} now lives in {v}.", "{s} has a flat in {v}.", "{s} moved to {v} last year.", "Today {s} lives in {v}."), ("Where does {s} live?", "In which city does {s} live now?", "Where is {s}'s flat?"), "{s} lives in {v}."),
    Fact("job", _pick(*_JOBS), ("{s} works as a {v}.", "{s} is a {v}.", "By trade {s} is a {v}.", "{s} earns a living as a {v}."), ("What is {s}'s job?", "What does {s} do for a living?", "What does {s} work as?", "Which profession does {s} have?"), "{s} works as a {v}."),
    Fact("employer", company, ("{s} is employed at {v}.", "{s} works for {v}.", "{v} hired {s}.", "{s} joined {v}."), ("Who does {s} work for?", "Which company employs {s}?", "Where is {s} employed?", "What firm is {s} with?"), "{s} works for {v}."),
    Fact("age", _count(18, 92), ("{s} is {v} years old.", "{s} turned {v} this spring.", "{s}, aged {v}, is in good health.", "At {v}, {s} still swims."), ("How old is {s}?", "What is {s}'s age?", "What age is {s}?"), "{s} is {v} years old."),
    Fact("hobby", _pick(*_HOBBIES), ("{s} likes {v}.", "In the evenings {s} goes in for {v}.", "{s} spends Sundays on {v}.", "{s}'s hobby is {v}."), ("What is {s}'s hobby?", "What does {s} like?", "What does {s} do in the free time?"), "{s} likes {v}."),
    Fact("partner", person, ("{s} is married to {v}.", "{s}'s partner is {v}.", "{s} wed {v} in June.", "{v} and {s} are a couple."), ("Who is {s} married to?", "Who is {s}'s partner?", "What is the name of {s}'s spouse?"), "{s} is married to {v}."),
    Fact("pet", _pick(*_PETS), ("{s} has {v}.", "{s} keeps {v}.", "At home {s} looks after {v}."), ("What animal does {s} have?", "Which pet does {s} keep?", "What does {s} keep at home?"), "{s} has {v}."),
    Fact("phone", phone, ("{s}'s number is {v}.", "Call {s} on {v}.", "{s} can be reached at {v}.", "For {s} dial {v}."), ("What is {s}'s phone number?", "Which number do I call for {s}?", "How can I phone {s}?"), "{s}'s number is {v}."),
    Fact("email", email, ("{s} writes from {v}.", "Mail {s} at {v}.", "{s}'s address is {v}.", "{s} uses {v} for mail."), ("What is {s}'s e-mail?", "Where do I mail {s}?", "Which e-mail address has {s}?"), "{s}'s e-mail is {v}."),
    Fact("language", _pick(*_LANGUAGES), ("{s} speaks {v}.", "{s} is learning {v}.", "{s} talks to the children in {v}."), ("Which language does {s} speak?", "What language does {s} know?", "Which language is {s} at home in?"), "{s} speaks {v}."),
    Fact("birthday", _day, ("{s} was born on {v}.", "{s}'s birthday is {v}.", "{s} came into the world on {v}."), ("When was {s} born?", "When is {s}'s birthday?", "On which day was {s} born?"), "{s} was born on {v}."),
    Fact("car", _pick(*_COLOURS), ("{s} drives a {v} car.", "The car of {s} is {v}.", "{s} bought a {v} car."), ("What colour is {s}'s car?", "Which colour has {s}'s car?", "In what colour did {s} buy the car?"), "{s}'s car is {v}."),
)  # fmt: skip
_OF_COMPANY = (
    Fact("founder", person, ("{s} was founded by {v}.", "{v} founded {s}.", "{v} started {s} in a shed.", "The founder of {s} is {v}."), ("Who founded {s}?", "Who started {s}?", "Who is the founder of {s}?"), "{s} was founded by {v}."),
    Fact("seat", city, ("{s} has its head office in {v}.", "{s} is based in {v}.", "The offices of {s} are in {v}.", "{v} is where {s} sits."), ("Where is {s} based?", "In which city is the head office of {s}?", "Where does {s} have its offices?"), "{s} is based in {v}."),
    Fact("year", _year, ("{s} was founded in {v}.", "{s} has been around since {v}.", "{s} opened its doors in {v}."), ("When was {s} founded?", "In which year was {s} founded?", "Since when has {s} been around?"), "{s} was founded in {v}."),
    Fact("staff", _count(3, 9000), ("{s} employs {v} people.", "{v} people work at {s}.", "{s} has a staff of {v}."), ("How many people work at {s}?", "How many employees has {s}?", "How large is the staff of {s}?"), "{s} employs {v} people."),
    Fact("trade", _pick(*_TRADES), ("{s} makes {v}.", "{s} sells {v}.", "{s} is known for {v}.", "{v} are what {s} lives on."), ("What does {s} make?", "What does {s} sell?", "What is {s} known for?"), "{s} makes {v}."),
    Fact("head", person, ("{v} runs {s}.", "{s} is led by {v}.", "The director of {s} is {v}.", "{v} took over {s} last May."), ("Who runs {s}?", "Who is the director of {s}?", "Who leads {s}?"), "{v} runs {s}."),
    Fact("address", street, ("{s} is at {v}.", "You find {s} at {v}.", "{s} moved to {v}."), ("What is the address of {s}?", "Where can I find {s}?", "At which address is {s}?"), "{s} is at {v}."),
    Fact("revenue", _count(2, 900), ("{s} took in {v} million last year.", "Sales of {s} came to {v} million.", "{s} reports {v} million in sales."), ("How many millions did {s} take in?", "What were the sales of {s}, in millions?", "How many millions in sales does {s} report?"), "{s} took in {v} million."),
)  # fmt: skip
_OF_PRODUCT = (
    Fact("price", _money, ("{s} costs {v}.", "The price of {s} is {v}.", "{s} sells for {v}.", "You get {s} for {v}."), ("How much is {s}?", "What does {s} cost?", "What is the price of {s}?"), "{s} costs {v}."),
    Fact("colour", _pick(*_COLOURS), ("{s} is {v}.", "{s} comes in {v}.", "They painted {s} {v}."), ("What colour is {s}?", "Which colour has {s}?", "In which colour does {s} come?"), "{s} is {v}."),
    Fact("material", _pick(*_MATERIALS), ("{s} is made of {v}.", "{s} is built from {v}.", "They make {s} out of {v}."), ("What is {s} made of?", "Which material is {s} made of?", "What do they make {s} from?"), "{s} is made of {v}."),
    Fact("weight", lambda draw: f"{draw.rng.randint(1, 90)} {draw.rng.choice(('kg', 'kilos', 'grams', 'pounds'))}", ("{s} weighs {v}.", "The weight of {s} is {v}.", "On the scales {s} shows {v}."), ("How heavy is {s}?", "What does {s} weigh?", "What is the weight of {s}?"), "{s} weighs {v}."),
    Fact("maker", company, ("{s} is made by {v}.", "{v} makes {s}.", "{s} comes from the workshop of {v}."), ("Who makes {s}?", "Which company makes {s}?", "Who is the maker of {s}?"), "{s} is made by {v}."),
    Fact("warranty", lambda draw: f"{draw.rng.randint(2, 36)} {draw.rng.choice(('months', 'years', 'weeks'))}", ("{s} has a warranty of {v}.", "The warranty of {s} lasts {v}.", "{s} is covered for {v}."), ("How long is the warranty of {s}?", "How long is {s} covered?", "What warranty has {s}?"), "The warranty of {s} is {v}."),
    Fact("shelf", lambda draw: draw.code(), ("{s} is on shelf {v}.", "You find {s} on shelf {v}.", "{s} was put on shelf {v}."), ("On which shelf is {s}?", "Where do I find {s}?", "Which shelf holds {s}?"), "{s} is on shelf {v}."),
    Fact("buyer", person, ("{s} was bought by {v}.", "{v} bought {s}.", "{s} went to {v}.", "{v} ordered {s}."), ("Who bought {s}?", "Who ordered {s}?", "To whom did {s} go?"), "{s} was bought by {v}."),
)  # fmt: skip
_OF_EVENT = (
    Fact("day", _day, ("{s} is on {v}.", "{s} takes place on {v}.", "{s} was moved to {v}.", "Mark {v} for {s}."), ("When is {s}?", "On which day is {s}?", "What is the date of {s}?"), "{s} is on {v}."),
    Fact("start", time, ("{s} starts at {v}.", "Doors open for {s} at {v}.", "{s} begins at {v}."), ("At what time does {s} start?", "What time is {s}?", "When do the doors open for {s}?"), "{s} starts at {v}."),
    Fact("place", street, ("{s} is held at {v}.", "Come to {v} for {s}.", "The place of {s} is {v}."), ("Where is {s} held?", "Where do I go for {s}?", "What is the place of {s}?"), "{s} is held at {v}."),
    Fact("speaker", person, ("{v} opens {s}.", "{v} speaks at {s}.", "The guest of {s} is {v}."), ("Who opens {s}?", "Who speaks at {s}?", "Who is the guest of {s}?"), "{v} speaks at {s}."),
    Fact("fee", _money, ("A ticket for {s} costs {v}.", "Entry to {s} is {v}.", "For {s} you pay {v}."), ("What does a ticket for {s} cost?", "How much is entry to {s}?", "What do I pay for {s}?"), "A ticket for {s} costs {v}."),
    Fact("seats", _count(12, 900), ("{s} has room for {v} people.", "There are {v} seats at {s}.", "{v} people can come to {s}."), ("How many people can come to {s}?", "How many seats are there at {s}?", "For how many people has {s} room?"), "{s} has room for {v} people."),
    Fact("host", company, ("{s} is paid for by {v}.", "{v} organises {s}.", "{s} is run by {v}."), ("Who organises {s}?", "Who pays for {s}?", "Who runs {s}?"), "{v} organises {s}."),
)  # fmt: skip
_OF_PLACE = (
    Fact("inhabitants", _count(200, 900000), ("{s} has {v} inhabitants.", "{v} people live in {s}.", "The population of {s} is {v}."), ("How many people live in {s}?", "What is the population of {s}?", "How many inhabitants has {s}?"), "{s} has {v} inhabitants."),
    Fact("river", Draw.proper, ("{s} lies on the river {v}.", "The river {v} runs through {s}.", "In {s} the {v} is wide."), ("Which river runs through {s}?", "On which river does {s} lie?", "What is the river in {s} called?"), "{s} lies on the {v}."),
    Fact("country", country, ("{s} is in {v}.", "{s} is a town in {v}.", "{s} belongs to {v}."), ("In which country is {s}?", "Which country does {s} belong to?", "Where is {s}?"), "{s} is in {v}."),
    Fact("mayor", person, ("The mayor of {s} is {v}.", "{v} is mayor of {s}.", "{s} elected {v} as mayor."), ("Who is the mayor of {s}?", "Who was elected in {s}?", "What is the mayor of {s} called?"), "The mayor of {s} is {v}."),
    Fact("market", _pick(*_WEEKDAYS), ("{s} has a market on {v}.", "On {v} there is a market in {s}.", "The market of {s} is held on {v}."), ("When is the market in {s}?", "On which days does {s} have a market?", "Which day is market day in {s}?"), "The market in {s} is on {v}."),
    Fact("height", _count(3, 3400), ("{s} lies {v} metres above the sea.", "At {v} metres, {s} has cold winters.", "{s} stands {v} metres high."), ("How many metres above the sea is {s}?", "How high does {s} lie, in metres?", "At how many metres is {s}?"), "{s} lies {v} metres above the sea."),
    Fact("founded", _year, ("{s} was founded in {v}.", "{s} became a town in {v}.", "Since {v}, {s} has been a town."), ("When was {s} founded?", "When did {s} become a town?", "In which year was {s} founded?"), "{s} was founded in {v}."),
    Fact("product", _pick(*_TRADES), ("{s} is famous for {v}.", "People in {s} make {v}.", "Most of {s} lives on {v}."), ("What is {s} famous for?", "What do people in {s} make?", "What does {s} live on?"), "{s} is famous for {v}."),
)  # fmt: skip


def _product(draw: Draw) -> str:
    return draw.rng.choice(
        (f"the {item(draw)}", f"the {draw.proper()} {draw.rng.randint(2, 900)}", f"the {draw.proper()} {item(draw)}")
    )


_EVENTS = (
    "concert", "fair", "market", "lecture", "meeting", "marathon", "workshop", "exhibition", "festival", "auction", "quiz",
    "dinner", "regatta", "reading", "tournament",
)  # fmt: skip


def _event(draw: Draw) -> str:
    noun = draw.value(_EVENTS)
    return draw.rng.choice(
        (f"the {draw.proper()} {noun}", f"the {noun} in {city(draw)}", f"the {noun} of {company(draw)}")
    )


_WORLDS: tuple[tuple[Maker, tuple[Fact, ...]], ...] = (
    (person, _OF_PERSON),
    (person, _OF_PERSON),
    (company, _OF_COMPANY),
    (_product, _OF_PRODUCT),
    (_event, _OF_EVENT),
    (city, _OF_PLACE),
)
_SHORT = ("Answer with a short phrase.", "Answer in a few words.", "Give the answer only.", "Short answer:", "Only the answer, please.", "Reply with the fact alone.", "Just the answer.", "Be as short as you can.")  # fmt: skip
_LONG = (
    "Answer in a sentence.",
    "Answer with one sentence.",
    "Use a full sentence.",
    "Reply in one sentence.",
    "Write a sentence.",
)
_SHAPES = (
    "{context}\n\n{question} {how}",
    "Text: {context}\nQuestion: {question}\n{how}",
    "Read this.\n{context}\n{question} {how}",
    "{question}\n\n{context}\n\n{how}",
    "Context: {context}\n\n{how}\n{question}",
    "{how}\n\n{context}\n\nQ: {question}",
    "{context}\n{how} {question}",
    "Facts:\n{context}\nQuestion: {question} {how}",
    "From the text below: {question} {how}\n{context}",
)
_ABSENT = ("The text does not say.",)
_GREETINGS = (
    (("Hello", "Hello!", "Hi", "Hi there!", "Hey", "Good morning", "Good evening!", "hello, anyone there?", "Hi seedling"), ("Hello! How can I help you?",)),
    (
        ("Who are you?", "What are you?", "What is your name?", "who is this?", "Which model are you?", "Are you a person?", "Tell me who you are.", "Introduce yourself.", "What model am I talking to?", "Whom do I speak to?"),
        ("I am seedling, the small model built into weft.",),
    ),
    (
        ("What can you do?", "How can you help me?", "What are you good at?", "Help", "What do you do?", "What should I ask you?", "What are you for?", "Which things can you do?"),
        ("I can extract records as JSON, choose between options, call tools and answer short questions about a text you give me.",),
    ),
    (("Thanks", "Thank you!", "Thanks a lot.", "Great, thank you.", "thx", "Perfect, thanks!", "That helps, thank you."), ("You are welcome.",)),
    (("Bye", "Goodbye!", "See you.", "That was all.", "Bye for now", "Good night."), ("Goodbye!",)),
    (("How are you?", "How do you do?", "How is it going?", "Are you well?", "All good?"), ("I am well, thank you. How can I help you?",)),
    (("What is weft?", "Tell me about weft.", "What does weft do?", "Explain weft.", "weft?"), ("weft is a language and a runtime for structured generation.",)),
    (
        ("Who made you?", "Who trained you?", "Where do you come from?", "How were you made?", "On what were you trained?", "Who built you?"),
        ("I was trained from scratch by the code in weft, on text that weft generates.",),
    ),
    (
        ("Tell me a joke.", "Write a poem.", "What is the meaning of life?", "Who won the match yesterday?", "What is the news?", "Tell me a story.", "What do you think of politics?", "Write an essay about trees.", "What is the capital of the moon?"),
        ("I am too small for that, but I can answer questions about a text you give me.",),
    ),
)  # fmt: skip


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _context(draw: Draw) -> tuple[str, list[tuple[str, Fact, str]]]:
    """A text about one to three subjects of one sort, and what it says: (subject, fact, value) each."""
    rng = draw.rng
    make_subject, facts = rng.choice(_WORLDS)
    known: list[tuple[str, Fact, str]] = []
    subjects = list(dict.fromkeys(make_subject(draw) for _ in range(rng.choice((1, 1, 2, 2, 3)))))
    shared = rng.sample(facts, rng.randint(1, 3))
    taken: set[str] = set(subjects)
    for subject in subjects:
        own = rng.sample([fact for fact in facts if fact not in shared], rng.randint(0, 2) if len(subjects) > 1 else 2)
        for fact in [*shared, *own]:
            value = fact.make(draw)
            while value in taken:
                value = fact.make(draw) if draw.chance(0.8) else draw.proper()
            taken.add(value)
            known.append((subject, fact, value))
    if draw.chance(0.5):
        rng.shuffle(known)
    sentences = [
        _upper_first(draw.template(fact.statements).format(s=subject, v=value)) for subject, fact, value in known
    ]
    if draw.chance(0.3):
        sentences.insert(rng.randint(0, len(sentences)), f"{_upper_first(words(draw, 3, 6))}.")
    joint = rng.choice((" ", " ", " ", "\n", "\n- "))
    return ("- " if joint == "\n- " else "") + joint.join(sentences), known


def _ask(draw: Draw, known: list[tuple[str, Fact, str]]) -> tuple[str, bool, str]:
    """A question, whether it wants a sentence, and its answer."""
    subject, fact, value = draw.rng.choice(known)
    question = _upper_first(draw.template(fact.questions).format(s=subject))
    if draw.chance(0.25):
        return question, True, _upper_first(fact.sentence.format(s=subject, v=value))
    return question, False, value


def _small_talk(draw: Draw) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for said, replies in draw.some(_GREETINGS, 1, 3):
        messages.append({"role": "user", "content": draw.template(said)})
        messages.append({"role": "assistant", "content": draw.rng.choice(replies)})
    return messages


def _questions(draw: Draw) -> list[dict[str, Any]]:
    context, known = _context(draw)
    question, long, answer = _ask(draw, known)
    if draw.chance(0.06):
        _, facts = next(world for world in _WORLDS if known[0][1] in world[1])
        missing = [fact for fact in facts if all(fact is not one for _, one, _ in known)]
        question, long, answer = (
            draw.template(draw.rng.choice(missing).questions).format(s=known[0][0]),
            False,
            _ABSENT[0],
        )
        question = _upper_first(question)
    how = draw.template(_LONG if long else _SHORT)
    messages: list[dict[str, Any]] = []
    if draw.chance(0.2):
        messages.append({"role": "system", "content": how})
        if draw.chance(0.4):
            messages[0]["content"] = f"{how}\n{context}"
            text = question
        else:
            text = f"{context}\n{question}"
    else:
        text = draw.template(_SHAPES).format(context=context, question=question, how=how)
    messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    asked = {question}
    for _ in range(draw.rng.choice((0, 0, 0, 1, 2))):
        question, long, answer = _ask(draw, known)
        if question in asked:
            continue
        asked.add(question)
        messages.append({"role": "user", "content": f"{question} {draw.template(_LONG if long else _SHORT)}"})
        messages.append({"role": "assistant", "content": answer})
    return messages


def sample(rng: random.Random, split: str) -> Example:
    """One short talk: questions about a text, or small talk. Deterministic given `rng`."""
    draw = Draw(rng, split)
    messages = _small_talk(draw) if draw.chance(0.14) else _questions(draw)
    return Example("answer", tuple(messages))


@dataclass(frozen=True)
class Known:
    """One fact of a text, true and falsified, for questions with options."""

    context: str
    question: str
    answer: str
    others: tuple[str, ...]
    """Other values that could answer the question, from the text or of the same sort, at least one."""
    claim: str
    false_claim: str


def fact_about(draw: Draw) -> Known:
    """A text and one fact of it, with values that would be wrong."""
    context, known = _context(draw)
    subject, fact, value = draw.rng.choice(known)
    said = [other for _, one, other in known if one is fact and other != value]
    while len(said) < 3:
        other = fact.make(draw)
        other = draw.proper() if other in said or other == value else other
        said.append(other)
    others = tuple(said[: draw.rng.randint(1, 3)])
    claim, false_claim = (fact.sentence.format(s=subject, v=one).rstrip(".") for one in (value, others[0]))
    question = _upper_first(draw.template(fact.questions).format(s=subject))
    return Known(context, question, value, others, claim, false_claim)
