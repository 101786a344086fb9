"""The invented tools: what each is called, what it takes, how people ask for it and what it answers.

Each kind has several names, descriptions and argument names, so that a tool in a prompt is nearly always a combination
not seen before. A `{key}` in a request is an argument or, in an answer, an argument or part of the outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .drawing import Draw
from .tool_values import Value, amount, calculate, one_of, text_of, whole

Maker = Callable[[Draw], Value]


@dataclass(frozen=True)
class Param:
    """An argument: its possible names, its schema type, what it means and how a value is made."""

    names: str
    kind: str
    about: str
    make: Maker
    options: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True)
class ToolKind:
    """A family of tools that do the same thing."""

    family: str
    names: str
    about: tuple[str, ...]
    params: dict[str, Param]
    requests: tuple[str, ...]
    outcome: dict[str, Maker]
    answers: tuple[str, ...]
    work: Callable[[dict[str, Any]], dict[str, Value]] | None = None
    divided: bool = False
    """The requests are this split's already."""


def _text(names: str, about: str, maker: str, required: bool = True) -> Param:
    return Param(names, "string", about, text_of(maker), required=required)


def _whole(names: str, about: str, low: int, high: int, required: bool = True) -> Param:
    return Param(names, "integer", about, whole(low, high), required=required)


def _amount(names: str, about: str, low: float, high: float) -> Param:
    return Param(names, "number", about, amount(low, high))


def _enum(names: str, about: str, options: str, required: bool = True) -> Param:
    parts = tuple(options.split())
    return Param(names, "enum", about, one_of(*parts), options=parts, required=required)


def _flag(names: str, about: str, yes: str, no: str) -> Param:
    return Param(names, "boolean", about, lambda draw: Value(yes, True) if draw.chance(0.5) else Value(no, False))


def _calculated(arguments: dict[str, Any]) -> dict[str, Value]:
    result = calculate(arguments["expression"])
    return {"value": Value(result, float(result) if "." in result else int(result))}


def _product(arguments: dict[str, Any]) -> dict[str, Value]:
    result = calculate(f"{arguments['price']} * {arguments['count']}")
    return {"value": Value(result, float(result) if "." in result else int(result))}


_CITY = _text("city place town location where", "The city.", "city")
_COUNTRY = _text("country nation land country_name", "The country.", "country")
_PERSON = _text("name person contact who full_name", "The person's name.", "person")
_EMAIL = _text("to recipient email address mail_to", "The e-mail address.", "email")
_ORDER = _text("order_id order id order_number reference", "The order's number.", "code")
_ITEM = _text("item product article name product_name", "The product.", "item")
_TIME = _text("time at start hour when", "The time, HH:MM.", "time")
_DATE = _text("date day on when", "The date, YYYY-MM-DD.", "date")

_NOUNS = (
    "colour owner age height weight length width depth speed rating status version battery_level size category label rank "
    "score temperature pressure capacity deadline location address manager phone_number supplier serial_number shelf "
    "price_group tax_rate warranty opening_hours closing_time language material origin expiry_date licence password_hint"
).split()
_THINGS = (
    "ship lamp account project machine parcel building camera sensor bicycle horse painting garden bottle field room "
    "robot recipe song film team player school bridge tower shop garage pump engine server contract customer vehicle "
    "invoice pallet container ticket document patient course"
).split()
_ASK_ATTRIBUTE = (
    "What is the {noun} of the {thing} {{name}}?",
    "Give me the {noun} of {thing} {{name}}.",
    "{thing} {{name}}: which {noun}?",
    "Look up the {noun} for {{name}}, the {thing}.",
    "I need the {noun} of our {thing} {{name}}.",
    "Tell me {{name}}'s {noun}; it is a {thing}.",
)
_SET_ATTRIBUTE = (
    "Set the {noun} of the {thing} {{name}} to {{value}}.",
    "Change the {noun} of {thing} {{name}} to {{value}}.",
    "The {thing} {{name}} has a new {noun}: {{value}}.",
    "Make {{value}} the {noun} of the {thing} {{name}}.",
    "Update {thing} {{name}}, {noun} {{value}}.",
)


def attribute_kind(draw: Draw) -> ToolKind:
    """A tool that reads or sets one attribute of one sort of thing: "the owner of a ship", "set the label of a pump"."""
    noun, thing = draw.value(_NOUNS), draw.value(_THINGS)
    said = noun.replace("_", " ")
    name = Param(
        f"name {thing} {thing}_name {thing}_id id which",
        "string",
        f"The {thing}.",
        text_of(draw.rng.choice(("proper", "proper", "code", "word"))),
    )
    if draw.chance(0.65):
        return ToolKind(
            f"get {noun} {thing}",
            f"get_{noun} {thing}_{noun} {noun}_of_{thing} lookup_{thing}_{noun}",
            (
                f"The {said} of a {thing}.",
                f"Look up a {thing}'s {said}.",
                f"Gives the {said} of one {thing}.",
                f"Which {said} a {thing} has.",
            ),
            {"name": name},
            tuple(one.format(noun=said, thing=thing) for one in draw.templates(_ASK_ATTRIBUTE)),
            {noun: text_of(draw.rng.choice(("word", "code", "person", "date", "city", "proper")))},
            (f"The {said} of {{name}} is {{{noun}}}.", f"It is {{{noun}}}.", f"{{name}} has the {said} {{{noun}}}."),
            divided=True,
        )
    value = Param(
        f"value {noun} new_{noun} new_value to",
        "string",
        f"The new {said}.",
        text_of(draw.rng.choice(("word", "code", "person", "date", "city", "proper"))),
    )
    return ToolKind(
        f"set {noun} {thing}",
        f"set_{noun} change_{noun} update_{thing}_{noun} set_{thing}_{noun}",
        (f"Set the {said} of a {thing}.", f"Change a {thing}'s {said}.", f"Gives a {thing} a new {said}."),
        {"name": name, "value": value},
        tuple(one.format(noun=said, thing=thing) for one in draw.templates(_SET_ATTRIBUTE)),
        {"state": one_of("ok", "done", "saved", "changed")},
        (f"The {said} of {{name}} is now {{value}}.", f"Done, {{name}} has {{value}}.", f"{{name}}: {said} {{value}}."),
        divided=True,
    )


KINDS: tuple[ToolKind, ...] = (
    ToolKind(
        "arithmetic",
        "calculator calculate calc compute evaluate math do_math arithmetic",
        (
            "Work out an arithmetic expression.",
            "Evaluate a sum such as 2 * 3.",
            "Calculate the value of an expression.",
            "A calculator.",
            "Does arithmetic.",
            "Compute numbers: + - * / and brackets.",
        ),
        {
            "expression": Param(
                "expression expr formula input calculation query",
                "string",
                "The expression, such as 2 * (3 + 4).",
                text_of("expression"),
            )
        },
        (
            "What is {expression}?",
            "Calculate {expression}.",
            "How much is {expression}?",
            "{expression}?",
            "Work out {expression} for me.",
            "Compute {expression}",
            "I need the value of {expression}.",
            "Please tell me what {expression} comes to.",
            "Can you do {expression}?",
            "what's {expression}",
        ),
        {},
        ("It is {value}.", "The result is {value}.", "That comes to {value}.", "{value}."),
        _calculated,
    ),
    ToolKind(
        "total",
        "multiply_price total_price line_total price_times_count order_total",
        ("Multiply a price by a number of pieces.", "The total for some pieces at a price.", "Price times count."),
        {
            "price": _amount("price unit_price each price_each", "Price of one.", 1, 200),
            "count": _whole("count quantity pieces n number", "How many.", 2, 60),
        },
        (
            "What do {count} pieces at {price} come to?",
            "Price {price}, quantity {count}: what is the total?",
            "{count} at {price} each, how much?",
            "Total for {count} units, {price} apiece?",
        ),
        {},
        ("The total is {value}.", "That is {value} in all.", "{value} in total."),
        _product,
    ),
    ToolKind(
        "weather",
        "get_weather weather current_weather weather_now weather_report forecast check_weather",
        (
            "The weather in a city.",
            "Current weather for a place.",
            "Look up the weather.",
            "Says what the weather is like.",
            "Temperature and sky at a place.",
        ),
        {"city": _CITY, "units": _enum("units unit scale degrees", "Degrees.", "celsius fahrenheit kelvin", False)},
        (
            "What is the weather in {city}?",
            "How is the weather in {city} today?",
            "Weather in {city}, in {units}.",
            "Is it cold in {city}?",
            "Do I need an umbrella in {city}?",
            "Tell me the temperature in {city} in {units}.",
            "What's it like outside in {city}?",
            "Is it raining in {city} now?",
            "{city} weather please",
        ),
        {
            "temperature": whole(-15, 39),
            "sky": one_of("sunny", "cloudy", "rainy", "foggy", "windy", "clear", "snowing", "stormy", "overcast"),
        },
        (
            "It is {temperature} degrees and {sky} in {city}.",
            "{city}: {sky}, {temperature} degrees.",
            "In {city} it is {sky} at {temperature} degrees.",
        ),
    ),
    ToolKind(
        "stock",
        "stock_price get_quote share_price stock_quote ticker_price lookup_stock",
        (
            "Latest price of a share.",
            "Look up a stock by its ticker.",
            "The price at which a share trades.",
            "Stock quotes.",
        ),
        {"ticker": _text("ticker symbol stock share code", "Ticker symbol.", "ticker")},
        (
            "What is {ticker} trading at?",
            "Price of {ticker} stock?",
            "How is {ticker} doing on the market?",
            "Give me a quote for {ticker}.",
            "What does one share of {ticker} cost?",
            "Look up the share {ticker}.",
        ),
        {"price": amount(3, 900), "currency": one_of("USD", "EUR", "GBP", "JPY", "CHF")},
        (
            "{ticker} trades at {price} {currency}.",
            "One share of {ticker} costs {price} {currency}.",
            "{ticker}: {price} {currency}.",
        ),
    ),
    ToolKind(
        "capital",
        "get_capital capital_of capital country_capital find_capital",
        (
            "The capital of a country.",
            "Look up a country's capital city.",
            "Which city is the capital.",
            "Capital cities.",
        ),
        {"country": _COUNTRY},
        (
            "What is the capital of {country}?",
            "Which city is the capital of {country}?",
            "Capital of {country}?",
            "Name {country}'s capital.",
            "Tell me the capital city of {country}.",
        ),
        {"capital": text_of("city")},
        ("The capital of {country} is {capital}.", "{capital} is the capital of {country}.", "It is {capital}."),
    ),
    ToolKind(
        "population",
        "get_population population inhabitants count_people people_in population_of",
        (
            "Number of people living in a place.",
            "The population of a city.",
            "How many inhabitants a city has.",
            "Census figures by city.",
        ),
        {"city": _CITY},
        (
            "How many people live in {city}?",
            "What is the population of {city}?",
            "Population of {city}, please.",
            "How big is {city} in inhabitants?",
            "Inhabitants of {city}?",
        ),
        {"people": whole(2000, 9000000)},
        (
            "{people} people live in {city}.",
            "{city} has {people} inhabitants.",
            "The population of {city} is {people}.",
        ),
    ),
    ToolKind(
        "price",
        "get_price lookup_price price_of price_list find_price look_up price_table price_lookup",
        (
            "Look up the price of a product.",
            "What one piece of a product costs.",
            "The price list.",
            "Price of an item in the shop.",
            "Finds a price in the table.",
        ),
        {"item": _ITEM},
        (
            "How much is a {item}?",
            "What does the {item} cost?",
            "Price of the {item}?",
            "What is the price of a {item}?",
            "Look up what a {item} costs.",
            "How expensive is the {item}?",
        ),
        {"price": amount(1, 400)},
        ("The {item} costs {price}.", "A {item} is {price}.", "It costs {price}.", "The price is {price}."),
    ),
    ToolKind(
        "inventory",
        "check_stock inventory units_left stock_level in_stock warehouse_count",
        (
            "How many pieces of a product are left.",
            "Stock level in the warehouse.",
            "Check the inventory for a product.",
            "Count what is on the shelf.",
        ),
        {
            "item": _ITEM,
            "warehouse": _enum("warehouse store site depot", "Which store.", "north south east west", False),
        },
        (
            "How many {item}s are left?",
            "Do we have any {item} in stock?",
            "Stock of {item} in the {warehouse} warehouse?",
            "Is the {item} available?",
            "Check how many of the {item} we have in {warehouse}.",
            "How much {item} is on the shelf?",
        ),
        {"left": whole(0, 900)},
        ("There are {left} left.", "We have {left} of the {item}.", "{left} in stock."),
    ),
    ToolKind(
        "reorder",
        "reorder order_more restock place_order buy_item purchase",
        (
            "Order more of a product.",
            "Buy some pieces of an item.",
            "Place an order with the supplier.",
            "Restock a product.",
        ),
        {"item": _ITEM, "quantity": _whole("quantity count amount pieces number", "How many.", 1, 300)},
        (
            "Order {quantity} of the {item}.",
            "We need {quantity} more {item}s.",
            "Buy {quantity} {item}s, please.",
            "Restock the {item}, {quantity} pieces.",
            "Get {quantity} units of {item} from the supplier.",
        ),
        {"order": text_of("code")},
        (
            "Ordered {quantity} of the {item}, number {order}.",
            "Done, the order is {order}.",
            "Order {order} is placed.",
        ),
    ),
    ToolKind(
        "event",
        "add_event create_event new_appointment schedule_meeting calendar_add book_slot",
        (
            "Put an event in the calendar.",
            "Create a calendar entry.",
            "Add an appointment.",
            "Schedule something on a day.",
        ),
        {
            "title": _text("title subject name event what", "What it is.", "phrase"),
            "date": _DATE,
            "time": Param("time start at hour", "string", "Time, HH:MM.", text_of("time"), required=False),
        },
        (
            "Put {title} in my calendar on {date}.",
            "Add {title} on {date} at {time}.",
            "Schedule {title} for {date}, {time}.",
            "On {date} I have {title}, note it.",
            "New event: {title}, {date} {time}.",
            "Remember {title} on {date} at {time} in the calendar.",
        ),
        {"entry": text_of("code")},
        ("{title} is in the calendar for {date}.", "Added {title} on {date}.", "Noted: {title}, {date}."),
    ),
    ToolKind(
        "agenda",
        "list_events get_agenda my_calendar show_calendar events_on day_plan",
        (
            "What is in the calendar on a day.",
            "List the appointments of a date.",
            "Show the agenda.",
            "The day's plan.",
        ),
        {"date": _DATE},
        (
            "What do I have on {date}?",
            "Show my calendar for {date}.",
            "Am I free on {date}?",
            "Any appointments on {date}?",
            "Read me the agenda for {date}.",
        ),
        {"title": text_of("phrase"), "time": text_of("time")},
        ("On {date} you have {title} at {time}.", "{title} at {time}.", "At {time} there is {title}."),
    ),
    ToolKind(
        "mail",
        "send_mail send_email email mail_someone write_mail compose_mail",
        ("Send an e-mail.", "Mail a message to an address.", "Write to someone by e-mail.", "Sends mail."),
        {
            "to": _EMAIL,
            "body": _text("body text message content", "The message.", "message"),
            "subject": _text("subject title heading", "Subject line.", "phrase", False),
        },
        (
            'Send a mail to {to}: "{body}"',
            "Write to {to} that {body}",
            "Email {to} saying {body}",
            "Mail {to} with subject {subject}: {body}",
            'Tell {to} by mail "{body}"',
            "To {to}, subject {subject}, text: {body}",
        ),
        {"message": text_of("code")},
        ("The mail to {to} is sent.", "Sent to {to}.", "Done, I wrote to {to}."),
    ),
    ToolKind(
        "contact",
        "find_contact lookup_contact address_book get_email contact_info find_person",
        (
            "Find a person's e-mail address.",
            "Look someone up in the address book.",
            "Contact details by name.",
            "The address book.",
        ),
        {"person": _PERSON},
        (
            "What is {person}'s e-mail?",
            "Find the address of {person}.",
            "How do I reach {person}?",
            "Look up {person} in my contacts.",
            "I need {person}'s mail address.",
        ),
        {"email": text_of("email")},
        ("{person}'s address is {email}.", "You can write to {email}.", "{person}: {email}."),
    ),
    ToolKind(
        "text_message",
        "send_sms text_message sms send_text message_phone",
        ("Send a text message to a phone.", "SMS to a number.", "Texts a phone number."),
        {
            "phone": _text("phone number to mobile", "Phone number.", "phone"),
            "text": _text("text message body", "What to say.", "message"),
        },
        (
            "Text {phone}: {text}",
            'Send an SMS to {phone} with "{text}"',
            "Message {phone} that {text}",
            "SMS {phone} saying {text}",
        ),
        {"state": one_of("sent", "queued", "delivered")},
        ("The text to {phone} is {state}.", "Message {state}.", "Your message to {phone} was {state}."),
    ),
    ToolKind(
        "translate",
        "translate translate_text translator to_language translation",
        (
            "Translate a text.",
            "Put a sentence into another language.",
            "Translation into a language.",
            "Translates words.",
        ),
        {
            "text": _text("text sentence input source phrase", "What to translate.", "message"),
            "language": _text("language target to target_language lang", "The language.", "language"),
        },
        (
            'Translate "{text}" into {language}.',
            "How do you say {text} in {language}?",
            "Put this in {language}: {text}",
            "What is '{text}' in {language}?",
            "In {language} please: {text}",
        ),
        {"translation": text_of("message")},
        ('In {language}: "{translation}"', "{translation}", "It means {translation} in {language}."),
    ),
    ToolKind(
        "timer",
        "set_timer timer start_timer countdown new_timer",
        ("Start a timer.", "Count down some minutes.", "Set a countdown.", "A kitchen timer."),
        {
            "minutes": _whole("minutes mins length duration duration_minutes", "How long, in minutes.", 1, 120),
            "label": _text("label name title purpose", "A name for it.", "item", False),
        },
        (
            "Set a timer for {minutes} minutes.",
            "Timer, {minutes} min.",
            "Start a {minutes} minute countdown for the {label}.",
            "Wake me in {minutes} minutes.",
            "Count down {minutes} minutes.",
            "Tell me when {minutes} minutes have passed.",
            "{minutes} minute timer called {label}, please.",
        ),
        {"until": text_of("time")},
        (
            "The timer runs for {minutes} minutes.",
            "Timer set, it rings at {until}.",
            "{minutes} minutes, starting now.",
        ),
    ),
    ToolKind(
        "alarm",
        "set_alarm alarm wake_up add_alarm morning_alarm",
        ("Set an alarm for a time.", "Ring at a given time.", "The alarm clock.", "Wakes you up."),
        {"time": _TIME},
        (
            "Wake me at {time}.",
            "Set an alarm for {time}.",
            "Alarm at {time}, please.",
            "I have to get up at {time}.",
            "Ring at {time}.",
        ),
        {"alarm": text_of("code")},
        ("The alarm is set for {time}.", "I will wake you at {time}.", "Alarm: {time}."),
    ),
    ToolKind(
        "search",
        "search web_search search_web find_pages look_up_web query_web",
        ("Search the web.", "Find pages about something.", "Look something up online.", "A search engine."),
        {
            "query": _text("query q text terms keywords", "What to look for.", "phrase"),
            "limit": _whole("limit count max_results top n", "How many results.", 1, 20, False),
        },
        (
            "Search the web for {query}.",
            "Look up {query} online.",
            "Find me {limit} pages about {query}.",
            "What does the internet say on {query}?",
            "Google {query}, top {limit} results.",
            "Search: {query}",
        ),
        {"title": text_of("phrase"), "site": text_of("site")},
        ("The first result is {title} at {site}.", "I found {title} ({site}).", "See {site}: {title}."),
    ),
    ToolKind(
        "currency",
        "convert_currency exchange currency change_money fx_convert to_currency",
        (
            "Convert money between currencies.",
            "Change an amount into another currency.",
            "Exchange rates.",
            "Money conversion.",
        ),
        {
            "amount": _amount("amount value sum money", "How much.", 1, 5000),
            "source": _enum(
                "from source from_currency base", "From which currency.", "EUR USD GBP JPY CHF SEK NOK INR BRL PLN"
            ),
            "target": _enum(
                "to target to_currency into", "Into which currency.", "EUR USD GBP JPY CHF SEK NOK INR BRL PLN"
            ),
        },
        (
            "Convert {amount} {source} to {target}.",
            "How much is {amount} {source} in {target}?",
            "{amount} {source} in {target}?",
            "Change {amount} {source} into {target}.",
            "What are {amount} {source} worth in {target}?",
        ),
        {"value": amount(1, 9000)},
        ("{amount} {source} is {value} {target}.", "That is {value} {target}.", "You get {value} {target}."),
    ),
    ToolKind(
        "units",
        "convert_units unit_converter convert measure units_to",
        (
            "Convert between units.",
            "Change a measure into another unit.",
            "Unit conversion.",
            "Metres to feet and the like.",
        ),
        {
            "value": _amount("value amount number quantity", "The number.", 1, 500),
            "source": _text("from from_unit source unit", "Its unit.", "unit"),
            "target": _text("to to_unit target into", "The wanted unit.", "unit"),
        },
        (
            "Convert {value} {source} to {target}.",
            "How many {target} are {value} {source}?",
            "{value} {source} in {target}?",
            "What is {value} {source} in {target}?",
            "Change {value} {source} into {target}, please.",
        ),
        {"result": amount(0.1, 4000)},
        ("{value} {source} are {result} {target}.", "That is {result} {target}.", "{result} {target}."),
    ),
    ToolKind(
        "route",
        "get_route directions route find_way navigate travel_time",
        (
            "The way from one place to another.",
            "Directions between two cities.",
            "Distance and time of a trip.",
            "Route planner.",
        ),
        {
            "start": _text("start from origin source", "Where it begins.", "city"),
            "end": _text("end to destination goal", "Where it ends.", "city"),
            "mode": _enum("mode by transport vehicle", "How to travel.", "car bike train bus foot", False),
        },
        (
            "How do I get from {start} to {end}?",
            "Route from {start} to {end} by {mode}.",
            "How far is it from {start} to {end}?",
            "I want to go to {end} from {start} by {mode}.",
            "Directions {start} to {end}.",
            "How long is the trip from {start} to {end} by {mode}?",
        ),
        {"km": whole(3, 900), "minutes": whole(5, 700)},
        (
            "It is {km} km and takes {minutes} minutes.",
            "From {start} to {end} it is {km} km.",
            "{km} km, about {minutes} minutes.",
        ),
    ),
    ToolKind(
        "order_status",
        "order_status track_order get_order where_is_order check_order track_parcel",
        ("Where an order is.", "Status of an order by its number.", "Track a parcel.", "Looks up an order."),
        {"order": _ORDER},
        (
            "Where is my order {order}?",
            "What is the status of order {order}?",
            "Has {order} been shipped?",
            "Track {order}, please.",
            "When does order {order} arrive?",
            "I am still waiting for {order}.",
        ),
        {
            "status": one_of("shipped", "packed", "delivered", "delayed", "cancelled", "in transit", "on hold"),
            "day": text_of("date"),
        },
        ("Order {order} is {status}.", "It is {status}; the date is {day}.", "{order}: {status}, {day}."),
    ),
    ToolKind(
        "refund",
        "refund_order refund give_money_back return_payment issue_refund",
        ("Pay an order back.", "Refund a customer's order.", "Return the money for an order.", "Issues refunds."),
        {
            "order": _ORDER,
            "amount": Param("amount sum value money", "number", "How much.", amount(2, 300), required=False),
        },
        (
            "Refund order {order}.",
            "I want my money back for {order}.",
            "Pay back {amount} for order {order}.",
            "Give {amount} back on {order}.",
            "Please return the payment of {order}.",
        ),
        {"refund": text_of("code")},
        ("Order {order} is refunded.", "The refund for {order} is {refund}.", "Done: refund {refund}."),
    ),
    ToolKind(
        "ticket",
        "create_ticket open_ticket new_ticket report_issue file_bug raise_ticket",
        ("Open a support ticket.", "Report a problem to the help desk.", "File an issue.", "Creates a ticket."),
        {
            "title": _text("title summary problem subject issue", "The problem.", "trouble"),
            "priority": _enum("priority urgency level severity", "How urgent.", "low normal high urgent", False),
        },
        (
            "Open a ticket: {title}.",
            "Report this with {priority} priority: {title}.",
            "There is a problem, {title}. Make a ticket.",
            "File a {priority} ticket, {title}.",
            "Tell the help desk that {title}.",
            "New issue, {title}, priority {priority}.",
        ),
        {"ticket": text_of("code")},
        ("Ticket {ticket} is open.", "I filed it as {ticket}.", "The ticket number is {ticket}."),
    ),
    ToolKind(
        "close_ticket",
        "close_ticket resolve_ticket finish_ticket mark_done close_issue",
        ("Close a ticket.", "Mark an issue as solved.", "Resolves a ticket by number."),
        {
            "ticket": _text("ticket ticket_id id number issue", "The ticket's number.", "code"),
            "note": _text("note comment reason remark", "A remark.", "message", False),
        },
        (
            "Close ticket {ticket}.",
            "{ticket} is solved, close it.",
            "Mark {ticket} as done with the note: {note}",
            "Resolve {ticket}.",
            "Finish ticket {ticket}, note {note}",
        ),
        {"state": one_of("closed", "done", "resolved")},
        ("Ticket {ticket} is {state}.", "{ticket}: {state}.", "Done, {ticket} is {state}."),
    ),
    ToolKind(
        "light",
        "set_light light switch_light lamp control_light toggle_light",
        ("Switch a light on or off.", "Control the lamp in a room.", "Turns lights on and off.", "Room lights."),
        {
            "room": _text("room where place area", "Which room.", "room"),
            "on": _flag("on state enabled power", "True for on.", "on", "off"),
        },
        (
            "Turn {on} the light in the {room}.",
            "Light {on} in the {room}.",
            "Switch the {room} lamp {on}.",
            "Please put the {room} light {on}.",
            "{room} lights {on}.",
        ),
        {"state": one_of("ok", "done", "changed")},
        ("The light in the {room} is {on}.", "Done, the {room} light is {on}.", "{room}: {on}."),
    ),
    ToolKind(
        "dimmer",
        "dim_light set_brightness brightness dimmer",
        ("Set how bright a lamp is.", "Dim a light to a percentage.", "Brightness from 0 to 100."),
        {
            "room": _text("room where lamp area", "Which room.", "room"),
            "percent": _whole("percent level brightness value", "0 to 100.", 0, 100),
        },
        (
            "Dim the {room} light to {percent} percent.",
            "Set the brightness in the {room} to {percent}.",
            "Make the {room} lamp {percent}% bright.",
            "{room} at {percent} percent brightness.",
        ),
        {"state": one_of("ok", "done", "changed")},
        (
            "The {room} light is at {percent} percent.",
            "Brightness in the {room}: {percent}.",
            "Done, {percent} percent.",
        ),
    ),
    ToolKind(
        "thermostat",
        "set_temperature thermostat heat_room heating set_heating",
        ("Set the temperature of a room.", "Control the heating.", "The thermostat.", "Heats or cools a room."),
        {
            "room": _text("room where zone area", "Which room.", "room"),
            "degrees": Param(
                "degrees temperature target value celsius", "number", "Degrees Celsius.", amount(15, 27, 1)
            ),
        },
        (
            "Set the {room} to {degrees} degrees.",
            "Make it {degrees} degrees in the {room}.",
            "Heat the {room} to {degrees}.",
            "I want {degrees} degrees in the {room}.",
            "Thermostat {room}: {degrees}.",
        ),
        {"now": amount(12, 28, 1)},
        (
            "The {room} is set to {degrees} degrees; it is {now} now.",
            "Heating the {room} to {degrees}.",
            "{room}: {degrees} degrees.",
        ),
    ),
    ToolKind(
        "music",
        "play_music play play_song start_music put_on_music",
        ("Play a song.", "Start some music.", "Plays an artist or a song.", "The music player."),
        {
            "song": _text("song title track what", "The song.", "phrase"),
            "volume": _whole("volume loudness level", "0 to 100.", 5, 100, False),
        },
        (
            "Play {song}.",
            "Put on {song} at volume {volume}.",
            "I want to hear {song}.",
            "Start {song}, volume {volume}.",
            "Could you play {song} for me?",
        ),
        {"artist": text_of("person")},
        ("Now playing {song} by {artist}.", "{song} by {artist} is on.", "Playing {song}."),
    ),
    ToolKind(
        "note",
        "save_note note add_note remember write_note memo",
        ("Keep a note.", "Write something down.", "Saves a memo.", "Remember a text for later."),
        {"text": _text("text note content memo", "The note.", "message")},
        (
            "Note: {text}",
            "Write down that {text}",
            "Remember this: {text}",
            "Save a note saying {text}",
            "Make a memo, {text}",
        ),
        {"note": text_of("code")},
        ("Noted.", "I saved the note as {note}.", "Note {note} is saved."),
    ),
    ToolKind(
        "todo",
        "add_todo add_task new_task todo to_do_list",
        ("Put a task on the list.", "Add to the to-do list.", "A new task with a due date."),
        {
            "task": _text("task title what todo", "What to do.", "chore"),
            "due": _text("due date by until", "Due date, YYYY-MM-DD.", "date", False),
        },
        (
            "Add to my list: {task}.",
            "I must {task} by {due}.",
            "New task: {task}, due {due}.",
            "Put {task} on the to-do list.",
            "Task for {due}: {task}.",
        ),
        {"position": whole(1, 30)},
        ("The task is number {position} on your list.", "Added: {task}.", "{task} is on the list."),
    ),
    ToolKind(
        "reminder",
        "remind set_reminder reminder remind_me",
        ("Remind the user at a time.", "Sets a reminder.", "Says something again later."),
        {"what": _text("what text about message task", "What about.", "chore"), "time": _TIME},
        (
            "Remind me to {what} at {time}.",
            "At {time}, remind me to {what}.",
            "Set a reminder for {time}: {what}.",
            "Don't let me forget to {what} at {time}.",
        ),
        {"reminder": text_of("code")},
        ("I will remind you to {what} at {time}.", "Reminder set for {time}.", "At {time}: {what}."),
    ),
    ToolKind(
        "restaurant",
        "book_table reserve_table table_booking restaurant_booking reserve",
        ("Book a table in a restaurant.", "Reserve seats for dinner.", "Table reservations."),
        {
            "restaurant": _text("restaurant place venue name", "Which restaurant.", "company"),
            "guests": _whole("guests people seats party_size persons", "How many people.", 1, 12),
            "time": _TIME,
        },
        (
            "Book a table for {guests} at {restaurant}, {time}.",
            "A table at {restaurant} at {time} for {guests} people.",
            "Reserve {guests} seats at {restaurant} for {time}.",
            "We are {guests} and want to eat at {restaurant} at {time}.",
        ),
        {"booking": text_of("code")},
        (
            "Your table at {restaurant} is booked for {time}.",
            "Booked: {restaurant}, {guests} people, {time}.",
            "The booking is {booking}.",
        ),
    ),
    ToolKind(
        "flight",
        "find_flight search_flights flights book_flight flight_search",
        ("Find a flight.", "Flights between two cities on a day.", "Search for plane tickets."),
        {
            "start": _text("from origin departure start", "From where.", "city"),
            "end": _text("to destination arrival end", "To where.", "city"),
            "date": _DATE,
        },
        (
            "Find a flight from {start} to {end} on {date}.",
            "I want to fly to {end} from {start} on {date}.",
            "Flights {start} to {end}, {date}?",
            "On {date} I must fly from {start} to {end}.",
        ),
        {"flight": text_of("code"), "time": text_of("time")},
        ("Flight {flight} leaves {start} at {time}.", "{flight} at {time}.", "There is {flight}, leaving at {time}."),
    ),
    ToolKind(
        "train",
        "next_train train_times trains timetable departures",
        ("When the next train leaves.", "Train times from a station.", "The timetable."),
        {
            "station": _text("station from stop city", "The station.", "city"),
            "line": _whole("line platform track number", "Line number.", 1, 40, False),
        },
        (
            "When does the next train leave from {station}?",
            "Next train on line {line} from {station}?",
            "Train times for {station}, please.",
            "What time do trains go from {station}?",
            "Departures at {station}, line {line}.",
        ),
        {"time": text_of("time"), "platform": whole(1, 20)},
        (
            "The next train leaves {station} at {time} from platform {platform}.",
            "At {time}, platform {platform}.",
            "{time} from platform {platform}.",
        ),
    ),
    ToolKind(
        "hotel",
        "find_hotel book_room hotel_search rooms reserve_room",
        ("Find a hotel room.", "Rooms in a city for some nights.", "Book a hotel."),
        {
            "city": _CITY,
            "nights": _whole("nights days stay length", "How many nights.", 1, 14),
            "guests": _whole("guests people persons adults", "How many people.", 1, 6, False),
        },
        (
            "Find a room in {city} for {nights} nights.",
            "Hotel in {city}, {nights} nights, {guests} people.",
            "I stay {nights} nights in {city}, find a hotel.",
            "We need a place in {city} for {guests} guests and {nights} nights.",
        ),
        {"hotel": text_of("company"), "price": whole(40, 400)},
        (
            "{hotel} in {city} has a room for {price} a night.",
            "{hotel}, {price} a night.",
            "I found {hotel} at {price}.",
        ),
    ),
    ToolKind(
        "taxi",
        "call_taxi taxi order_cab ride get_ride",
        ("Send a taxi.", "Order a ride to an address.", "Calls a cab."),
        {
            "pickup": _text("pickup from address start where", "Where to stop.", "street"),
            "seats": _whole("seats passengers people persons", "How many people.", 1, 6, False),
        },
        (
            "Call a taxi to {pickup}.",
            "I need a cab at {pickup} for {seats} people.",
            "Send a ride to {pickup}.",
            "Taxi for {seats} at {pickup}, please.",
        ),
        {"minutes": whole(2, 40)},
        (
            "The taxi is at {pickup} in {minutes} minutes.",
            "It comes in {minutes} minutes.",
            "A cab arrives in {minutes} minutes.",
        ),
    ),
    ToolKind(
        "recipe",
        "find_recipe recipe recipes cook_idea get_recipe",
        ("Find a recipe.", "Dishes that use an ingredient.", "Ideas for cooking."),
        {
            "ingredient": _text("ingredient food with main", "What to cook with.", "food"),
            "minutes": _whole("minutes max_minutes time_limit within", "Longest time.", 10, 90, False),
        },
        (
            "What can I cook with {ingredient}?",
            "A recipe with {ingredient} in under {minutes} minutes.",
            "Find a dish using {ingredient}.",
            "I have {ingredient} and {minutes} minutes, what can I make?",
        ),
        {"dish": text_of("phrase")},
        ("You could make {dish}.", "Try {dish}.", "{dish} uses {ingredient}."),
    ),
    ToolKind(
        "nutrition",
        "calories nutrition food_info get_calories energy_of",
        ("How much energy a food has.", "Calories in 100 grams of a food.", "Nutrition facts."),
        {"food": _text("food ingredient name item", "The food.", "food")},
        (
            "How many calories has {food}?",
            "Calories in {food}?",
            "Is {food} heavy in calories?",
            "Nutrition facts for {food}.",
        ),
        {"kcal": whole(12, 720)},
        ("{food} has {kcal} kcal per 100 grams.", "{kcal} kcal.", "100 grams of {food} have {kcal} kcal."),
    ),
    ToolKind(
        "clock",
        "get_time time_in world_clock local_time what_time",
        ("The time in a city.", "Local time somewhere.", "A world clock."),
        {"city": _CITY},
        ("What time is it in {city}?", "Time in {city} now?", "How late is it in {city}?", "Local time of {city}?"),
        {"time": text_of("time")},
        ("It is {time} in {city}.", "{time} in {city}.", "The clock in {city} says {time}."),
    ),
    ToolKind(
        "define",
        "define dictionary meaning look_up_word word_meaning",
        ("What a word means.", "Look a word up in the dictionary.", "Definitions."),
        {"word": _text("word term entry text", "The word.", "word")},
        (
            "What does {word} mean?",
            "Define {word}.",
            "Meaning of {word}?",
            "Look up the word {word}.",
            "What is a {word}?",
        ),
        {"meaning": text_of("phrase")},
        ("{word} means {meaning}.", "It means {meaning}.", "{word}: {meaning}."),
    ),
    ToolKind(
        "news",
        "get_news news headlines latest_news top_stories",
        ("Latest news on a topic.", "Headlines about something.", "Today's stories."),
        {
            "topic": _enum(
                "topic section category subject",
                "Which section.",
                "sport business science culture politics health travel",
            ),
            "count": _whole("count limit n number", "How many.", 1, 10, False),
        },
        (
            "What is new in {topic}?",
            "Give me {count} headlines on {topic}.",
            "Latest {topic} news.",
            "Any news about {topic}?",
            "Top {count} {topic} stories, please.",
        ),
        {"headline": text_of("phrase")},
        ("The headline is: {headline}.", "In {topic}: {headline}.", "{headline}."),
    ),
    ToolKind(
        "file",
        "read_file open_file get_file show_file load_file",
        ("Read a file.", "Show what a file holds.", "Opens a file by its path."),
        {"path": _text("path file filename name", "The file's path.", "path")},
        (
            "What is in {path}?",
            "Read {path}.",
            "Open the file {path}.",
            "Show me {path}.",
            "Print the contents of {path}.",
        ),
        {"content": text_of("message")},
        ("{path} says: {content}", "The file holds: {content}", "It says {content}"),
    ),
    ToolKind(
        "delete_file",
        "delete_file remove_file erase trash_file",
        ("Delete a file.", "Remove a file for good.", "Erases a file."),
        {
            "path": _text("path file filename name", "The file's path.", "path"),
            "force": _flag("force permanently hard no_trash", "Skip the trash.", "for good", "into the trash"),
        },
        (
            "Delete {path} {force}.",
            "Remove {path}, {force}.",
            "Get rid of {path} {force}.",
            "Throw {path} away, {force}.",
        ),
        {"state": one_of("deleted", "gone", "removed")},
        ("{path} is {state}.", "Done, {path} is {state}.", "The file {path} is {state}."),
    ),
    ToolKind(
        "transfer",
        "transfer_money send_money pay bank_transfer make_payment",
        ("Send money to someone.", "Pay a person from the account.", "A bank transfer."),
        {
            "person": _text("to recipient payee name", "Who gets it.", "person"),
            "amount": _amount("amount sum value money", "How much.", 1, 3000),
            "reason": _text("reason purpose note reference", "What for.", "phrase", False),
        },
        (
            "Send {amount} to {person}.",
            "Pay {person} {amount} for {reason}.",
            "Transfer {amount} to {person}, reference {reason}.",
            "{person} gets {amount} from me.",
            "Please pay {amount} to {person}.",
        ),
        {"payment": text_of("code")},
        ("{amount} is on its way to {person}.", "Paid {amount} to {person}.", "Payment {payment} is made."),
    ),
    ToolKind(
        "balance",
        "get_balance account_balance balance check_balance money_left",
        ("How much is in an account.", "Balance of a bank account.", "What is left in the account."),
        {"account": _text("account account_id iban number", "The account.", "code")},
        (
            "What is the balance of {account}?",
            "How much money is in {account}?",
            "Balance on account {account}?",
            "What is left in {account}?",
        ),
        {"balance": amount(0, 20000)},
        ("The balance of {account} is {balance}.", "{account} holds {balance}.", "There is {balance} in it."),
    ),
    ToolKind(
        "user",
        "get_user user_info find_user lookup_user account_info",
        ("Details of a user.", "Look up a user by e-mail.", "Who an account belongs to."),
        {"email": _text("email mail user login", "The user's e-mail.", "email")},
        (
            "Who is {email}?",
            "Find the user {email}.",
            "Look up the account of {email}.",
            "Show me the details of {email}.",
        ),
        {"name": text_of("person"), "city": text_of("city")},
        ("{email} is {name} from {city}.", "The account belongs to {name}.", "{name}, {city}."),
    ),
    ToolKind(
        "employee",
        "find_employee staff_lookup employee_info who_works hr_lookup",
        ("Look up a colleague.", "The department of an employee.", "Staff directory."),
        {"person": _PERSON},
        (
            "Which department is {person} in?",
            "Where does {person} work?",
            "Look up our colleague {person}.",
            "In which office does {person} sit?",
        ),
        {
            "department": one_of("sales", "finance", "support", "research", "legal", "design", "operations"),
            "room": whole(1, 480),
        },
        ("{person} works in {department}, room {room}.", "In {department}.", "{person}: {department}, room {room}."),
    ),
    ToolKind(
        "book",
        "find_book book_search library_search lookup_book books_by",
        ("Find a book.", "Search the library's catalogue.", "Is a book there, and on which shelf."),
        {
            "title": _text("title book name work", "The title.", "phrase"),
            "author": _text("author writer by", "Who wrote it.", "person", False),
        },
        (
            "Do you have the book {title}?",
            "Find {title} by {author}.",
            "Is {title} in the library?",
            "Where is {title} by {author}?",
            "Look for a book called {title}.",
        ),
        {"shelf": text_of("code")},
        ("{title} is on shelf {shelf}.", "Shelf {shelf}.", "You find it on shelf {shelf}."),
    ),
    ToolKind(
        "doctor",
        "book_doctor doctor_appointment medical_booking see_doctor clinic",
        ("Book a doctor's appointment.", "Get a slot at the clinic.", "Medical appointments."),
        {
            "patient": _text("patient name person for_whom", "The patient.", "person"),
            "date": _DATE,
            "urgent": _flag("urgent emergency priority acute", "True if it cannot wait.", "urgent", "not urgent"),
        },
        (
            "A doctor's appointment for {patient} on {date}, {urgent}.",
            "{patient} must see a doctor on {date}; it is {urgent}.",
            "Book {patient} into the clinic on {date}, {urgent}.",
        ),
        {"time": text_of("time"), "doctor": text_of("person")},
        (
            "{patient} sees {doctor} at {time} on {date}.",
            "The appointment is at {time}.",
            "Booked for {date} at {time}.",
        ),
    ),
    ToolKind(
        "dice",
        "roll_dice dice roll random_number throw_dice",
        ("Roll dice.", "Random numbers from dice.", "Throws some dice."),
        {
            "count": _whole("count dice number how_many", "How many dice.", 1, 10),
            "sides": _whole("sides faces max die", "Sides of each.", 4, 100),
        },
        (
            "Roll {count} dice with {sides} sides.",
            "Throw {count} {sides}-sided dice.",
            "{count} dice, {sides} sides each.",
            "Please roll {count} times a die of {sides} sides.",
        ),
        {"sum": whole(2, 200)},
        ("You rolled {sum}.", "The dice show {sum} in all.", "{sum}!"),
    ),
    ToolKind(
        "weight_log",
        "log_workout add_run track_run log_exercise sport_diary",
        ("Write down a workout.", "Log how far you ran.", "The sports diary."),
        {
            "km": Param("km distance kilometres length", "number", "Distance in km.", amount(1, 42, 1)),
            "sport": _enum("sport kind activity type", "Which sport.", "run walk ride swim row"),
        },
        (
            "Log a {sport} of {km} km.",
            "I did a {km} km {sport} today.",
            "Write down: {sport}, {km} kilometres.",
            "Add a {km} km {sport} to my diary.",
        ),
        {"total": whole(10, 900)},
        ("Logged; you are at {total} km.", "A {sport} of {km} km is saved.", "That makes {total} km in all."),
    ),
)
