"""Word lists, each divided by a stable hash into words to train on and words held out, and made-up words.

A list is a `Words`; `draw` takes from the part that a split may use. About a third of all names are not in any list
but composed of random syllables (`made_up`), so that the model learns to copy anything rather than to know names.
"""

from __future__ import annotations

import hashlib
import random
from functools import lru_cache

SPLITS = ("train", "values", "templates")

HELD_OUT_PERCENT = 15


@lru_cache(maxsize=1 << 16)
def held_out(text: str) -> bool:
    """Whether a word, template or combination is kept from training: the same on every machine and run."""
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 100 < HELD_OUT_PERCENT


class Words:
    """A list of words in two parts: `train`, and `held` for the other splits (never empty)."""

    def __init__(self, items: list[str]) -> None:
        unique = list(dict.fromkeys(items))
        self.train = [word for word in unique if not held_out(word)]
        self.held = [word for word in unique if held_out(word)]
        if not self.held:  # A short list may have none by chance.
            self.held = [self.train.pop()]

    def draw(self, rng: random.Random, split: str) -> str:
        return rng.choice(self.train if split == "train" else self.held)


def _words(text: str) -> Words:
    return Words(text.split())


def _phrases(text: str) -> Words:
    return Words([phrase.strip() for phrase in text.replace("\n", ";").split(";") if phrase.strip()])


_ONSETS = (
    *("b c d f g h j k l m n p r s t v w z " * 4).split(),
    *"br cl cr dr fl fr gl gr kl kr pl pr qu sh sk sl sm sn sp st sv th tr tw y ch zh".split(),
)
_NUCLEI = (*("a e i o u " * 12).split(), *"ai au ea ee ei ia ie io oa oo ou ue y á é í ö ü å ø ã".split())
_CODAS = (*[""] * 22, *"n r l s k t m d x n r l s ck ld ll lm nd ng nt rd rk rn rt st th".split())


def made_up(rng: random.Random, split: str, low: int = 2, high: int = 3) -> str:
    """A pronounceable lower-case word of `low`, sometimes `high` syllables that no list holds."""
    choice = rng.choice
    while True:
        syllables = low if rng.random() < 0.7 else high
        word = "".join(choice(_ONSETS) + choice(_NUCLEI) + choice(_CODAS) for _ in range(syllables))
        if held_out(word) != (split == "train"):
            return word


FIRST_NAMES = _words("""
Marta Jonas Aiko Priya Luca Fatima Olga Pedro Ingrid Kwame Sofia Mateo Chloé Yusuf Hana Björn Amara Rohan Elena Tomasz
Nadia Henrik Leila Diego Mei Arjun Zuzana Pavel Aisha Kofi Beatriz Lars Noor Emre Ines Viktor Ana Samuel Ruth Daniel
Grace Oliver Emma Noah Mia Liam Julia Peter Anna Paul Laura David Sarah Thomas Kate Simon Helen Martin Claire George
Alice Frank Nina Robert Julie Mark Eva Stefan Monika Andrei Ioana Dmitri Irina Kenji Yuki Haruto Sakura Wei Jing Li Xin
Min-jun Seo-yeon Thanh Linh Nguyen Somchai Malee Rajesh Anjali Deepak Kavita Sanjay Meera Ahmed Omar Layla Karim Samira
Hassan Zahra Mehmet Ayşe Elif Can Nikos Eleni Giorgos Katerina Marco Giulia Alessandro Chiara Francesca Pierre Camille
Amélie René Jean-Luc Anne-Marie Hélène Jürgen Käthe Günther Anneliese Uwe Sabine Søren Mette Kåre Astrid Sven Linnéa
Aino Eero Kaisa Oskar Zofia Agnieszka Krzysztof Małgorzata Jakub Petra Ondřej Lukáš Miroslav Goran Jelena Dragan Vesna
Luka Ivana Zoltán Ágnes László Katalin Siobhán Niamh Aoife Seán Pádraig Rhys Carys Ewan Fiona Callum Isla Tendai Chipo
Thabo Naledi Sipho Zanele Chinedu Ngozi Adaeze Femi Yewande Abena Kwabena Wanjiru Otieno Achieng Mwangi Amina Juma
Alejandro Carmen Javier Lucía Ximena Raúl Rocío Joaquín Thiago Larissa João Mariana Gustavo Tainá Quetzal Itzel Kai
Leilani Tane Aroha Hemi Moana Bilal Rukhsana Imran Saira Tariq Farah Nasrin Shirin Dariush Parisa Cyrus Levan Nino
Tamar Giorgi Ararat Anahit Boris Svetlana Oksana Taras Bohdan Ruslan Aigerim Nurlan Batu Saran Tenzin Pema Dawa Sita
Ramesh Lakshmi Vikram Asha Dev Ishaan Rosa Ivy Hugo Felix Otto Ida Clara Greta Max Leo Theo Ada Edith Harold Walter
Doris Vera Agnes Ernest Mabel Rupert Hazel June Dexter Wanda Roy Gail Bruce Tara Colin Joyce Neil Paula Craig Denise
""")

SURNAMES = _words("""
Ruiz Keller Tanaka Sharma Rossi Haddad Petrova Almeida Larsen Mensah Lindqvist Moreau Novak Kowalski Okafor Nakamura
Weber Schmidt Fischer Bauer Hoffmann Brandt Vogel Richter Sommer Winter Lang Becker Albrecht Dubois Lefèvre Girard
Fontaine Mercier Rousseau Bernard Garnier Bianchi Conti Ferrari Esposito Romano Greco Marino García Fernández Ortega
Castillo Vargas Navarro Iglesias Peña Muñoz Silva Souza Carvalho Pereira Azevedo Barbosa Ivanov Sokolov Volkov Orlova
Kuznetsov Morozova Shevchenko Kovalenko Bondarenko Dvořák Svoboda Procházka Horák Nowak Wiśniewski Zieliński Wójcik
Lewandowska Horváth Szabó Tóth Kiss Popescu Ionescu Dumitru Georgiev Dimitrov Petrović Jovanović Marković Papadopoulos
Nikolaidis Yılmaz Demir Kaya Şahin Öztürk Hassan Mansour Khalil Farouk Nasser Saleh Rahimi Karimi Hosseini Tehrani Khan
Malik Qureshi Chaudhry Siddiqui Patel Mehta Iyer Nair Reddy Banerjee Chatterjee Gupta Kapoor Desai Joshi Perera
Fernando Wickramasinghe Rahman Hossain Wang Zhang Chen Liu Huang Zhao Wu Zhou Lin Kim Park Choi Jung Kang Sato Suzuki
Yamamoto Kobayashi Watanabe Ito Mori Fujita Tran Pham Le Vo Dang Santos Reyes Bautista Dela-Cruz Wijaya Santoso
Susanto Abdullah Ismail Adeyemi Okonkwo Eze Balogun Owusu Asante Boateng Mwangi Kamau Odhiambo Njoroge Dlamini
Nkosi Ndlovu Moyo Chikwanha Tesfaye Bekele Abebe Diallo Traoré Keita Ndiaye Sow Smith Jones Taylor Brown Wilson
Evans Thomas Roberts Walker Wright Thompson Hughes Edwards Green Hall Wood Clarke Jackson Harris Cooper King Baker
Turner Hill Morris Ward Cox Bailey Foster Bennett Gray Carter Ellis Mason Hunt Webb Palmer Stone Knight Mills Rose
O'Brien O'Connor Murphy Kelly Byrne Ryan Doyle McCarthy MacLeod MacDonald Campbell Fraser Sinclair Pritchard Llewellyn
Vaughan Griffiths Andersson Johansson Eriksson Nyström Bergman Hansen Olsen Dahl Haugen Nielsen Jensen Mortensen
Virtanen Korhonen Nieminen Laine Jansen Visser Bakker Mulder Smit Peeters Janssens Claes Müller Kälin Zürcher Egger
Steiner Huber Wagner Pichler Tamm Kask Ozols Bērziņš Kazlauskas Hakobyan Petrosyan Beridze Kapanadze Tuiasosopo
Kealoha Begay Whitehorse Delacroix Beauchamp Villanueva Quispe Huamán Mamani Zapata Echeverría Goldberg Rosenthal
Levy Cohen Katz Feldman Winthrop Ashworth Birch Holloway Thornton Fairchild Blackwood Pemberton Langley Whitaker
""")

CITIES = _phrases("""
Oslo; Lisbon; Kyoto; Nairobi; Leeds; Hamburg; Porto; Gdańsk; Lyon; Turin; Valencia; Ghent; Utrecht; Basel; Graz; Brno
Košice; Pécs; Cluj; Varna; Split; Novi Sad; Tirana; Patras; Izmir; Haifa; Amman; Muscat; Shiraz; Lahore; Pune; Kochi
Chennai; Dhaka; Kandy; Hanoi; Da Nang; Chiang Mai; Penang; Bandung; Cebu; Taipei; Busan; Sapporo; Osaka; Xi'an; Chengdu
Almaty; Tashkent; Tbilisi; Yerevan; Baku; Kazan; Tallinn; Riga; Vilnius; Turku; Tampere; Uppsala; Malmö; Gothenburg
Bergen; Stavanger; Aarhus; Odense; Reykjavík; Cork; Galway; Belfast; Glasgow; Dundee; Inverness; Cardiff; Swansea
Bristol; Exeter; Norwich; York; Durham; Sheffield; Nottingham; Brighton; Bath; Dover; Nantes; Lille; Rennes; Dijon
Grenoble; Toulouse; Marseille; Nice; Bruges; Antwerp; Rotterdam; Delft; Leiden; Aachen; Bremen; Leipzig; Dresden
Nuremberg; Freiburg; Münster; Mainz; Linz; Salzburg; Innsbruck; Zürich; Bern; Lausanne; Lugano; Bologna; Verona
Genoa; Palermo; Bari; Trieste; Seville; Bilbao; Zaragoza; Málaga; Granada; Braga; Coimbra; Faro; Rabat; Fez; Tunis
Oran; Cairo; Alexandria; Accra; Kumasi; Lagos; Ibadan; Dakar; Abidjan; Lomé; Kampala; Kigali; Arusha; Mombasa; Lusaka
Harare; Durban; Cape Town; Windhoek; Gaborone; Maputo; Antananarivo; Boston; Denver; Austin; Portland; Tucson; Omaha
Buffalo; Savannah; Santa Fe; Salt Lake City; New Orleans; Ann Arbor; Halifax; Québec; Calgary; Winnipeg; Ottawa
Monterrey; Puebla; Oaxaca; Mérida; Antigua; San José; Panama City; Bogotá; Medellín; Quito; Cuenca; Lima; Arequipa
La Paz; Sucre; Santiago; Valparaíso; Mendoza; Rosario; Córdoba; Montevideo; Recife; Salvador; Curitiba; Belém; Perth
Hobart; Adelaide; Brisbane; Cairns; Wellington; Dunedin; Napier; Suva; Apia; Nouméa
""")

COUNTRIES = _phrases("""
Norway; Portugal; Japan; Kenya; Germany; Poland; France; Italy; Spain; Belgium; Austria; Hungary; Romania; Croatia
Greece; Turkey; Jordan; Oman; Pakistan; India; Vietnam; Thailand; Indonesia; South Korea; Kazakhstan; Georgia; Latvia
Finland; Sweden; Denmark; Iceland; Ireland; Scotland; Wales; Switzerland; Slovenia; Morocco; Tunisia; Egypt; Ghana
Senegal; Uganda; Rwanda; Zambia; Namibia; Botswana; Canada; Mexico; Guatemala; Costa Rica; Colombia; Ecuador; Peru
Bolivia; Chile; Argentina; Uruguay; Brazil; Australia; New Zealand; Fiji; Malta; Cyprus; Estonia; Lithuania; Nepal
""")

STREETS = _phrases("""
Mill; Church; Station; Harbour; Linden; Oak; Park; Bridge; Castle; High; Market; Garden; Queen; Victoria; School; River
Birch; Meadow; Orchard; Hill; Forest; Chapel; Abbey; North; South; Canal; Quarry; Windmill; Foundry; Cedar; Elm; Rose
Juniper; Falcon; Heron; Tower; Bishop; Union; Spring; Lake; Sunset; Willow; Granary; Copper; Ferry; Lock; Vine; Ash
""")

INDUSTRIES = _phrases("""
Foods; Logistics; Textiles; Instruments; Software; Robotics; Press; Books; Bakery; Hardware; Tools; Motors; Optics
Energy; Solar; Marine; Freight; Paper; Glass; Ceramics; Furniture; Lighting; Gardens; Nurseries; Travel; Tours; Hotels
Consulting; Partners; Studio; Design; Media; Print; Labs; Pharma; Clinic; Dental; Analytics; Systems; Networks; Data
Security; Insurance; Bank; Capital; Trading; Imports; Wines; Brewery; Coffee; Teas; Dairy; Farms; Seeds; Outfitters
Sports; Cycles; Toys; Games; Music; Records; Film; Theatre; Events; Catering; Cleaning; Plumbing; Electrics; Roofing
Timber; Steel; Plastics; Packaging; Chemicals; Paints; Couriers; Rail; Aviation; Shipping; Rentals; Estates; Archives
""")

COMPANY_STEMS = _phrases("""
Delmar; Northwind; Bluebird; Halden; Corvid; Lumen; Terra; Vantage; Meridian; Harbor; Silverline; Redwood; Ironbridge
Foxglove; Greenfield; Brightwater; Stonegate; Kestrel; Osprey; Juniper; Saffron; Cobalt; Amber; Onyx; Polar; Alpine
Baltic; Nordic; Iberia; Adria; Aegean; Pacific; Atlas; Orion; Vega; Lyra; Nova; Apex; Summit; Crest; Delta; Sigma
Quantum; Vertex; Pixel; Tandem; Compass; Lantern; Beacon; Anchor; Mariner; Trident; Falcon; Heron; Lynx; Marten; Otter
Badger; Ember; Hearth; Cinder; Willow; Rowan; Hazel; Alder; Maple; Clover; Thistle; Heather; Bramble; Sterling; Regent
Crown; Abbey; Castle; Priory; Guild; Union; Pioneer; Frontier; Horizon; Zenith; Solstice; Equinox; Monsoon; Zephyr
""")

COMPANY_SUFFIXES = _phrases("""
Ltd; GmbH; AG; Inc; LLC; SA; Oy; AB; BV; SpA; Pty Ltd; plc; & Sons; & Co; Group; Holding; Cooperative; Kft; SARL; AS
""")

ADJECTIVES = _words("""
red blue green black white grey silver golden oak steel copper brass plastic wooden leather woollen cotton linen small
large tall short wide narrow heavy light folding portable wireless electric manual digital foldable stackable outdoor
indoor ceramic glass rubber paper cordless compact double single curved round square padded insulated waterproof
vintage antique refurbished adjustable magnetic solar recycled striped plain woven quilted frosted matt glossy
""")

NOUNS = _phrases("""
lamp; chair; desk; table; shelf; stool; bench; cabinet; drawer; rug; curtain; cushion; mattress; pillow; blanket; towel
kettle; toaster; mug; plate; bowl; jug; teapot; pan; knife; cutting board; ladle; tray; jar; bottle; flask; basket; bucket
broom; mop; ladder; hammer; drill; saw; screwdriver; wrench; pliers; chisel; tape measure; paint roller; brush; hose
spade; rake; wheelbarrow; flower pot; lawn mower; printer; scanner; monitor; keyboard; mouse; headset; webcam; router
cable; adapter; charger; battery; power bank; hard drive; memory card; projector; speaker; microphone; tripod; camera
lens; phone case; tablet; laptop; notebook; pencil; pen; marker; stapler; folder; envelope; ink cartridge; paper ream
whiteboard; calendar; poster; frame; clock; mirror; umbrella; backpack; suitcase; wallet; scarf; jacket; gloves; boots
helmet; bicycle; tent; sleeping bag; lantern; rope; compass; water filter; stove; cooler; bike pump; tyre; brake pad
spark plug; oil filter; wiper blade; roof rack; drum; guitar; violin; music stand; puzzle; chess set; kite; ball; racket
yoga mat; dumbbell; treadmill; dog bed; cat tree; fish tank; bird feeder; candle; vase; picture book; first aid kit
smoke alarm; door lock; hinge; window blind; radiator; heater; fan; thermostat; light bulb; extension lead; socket
""")

BRANDS = _words("""
Norvik Altera Brevo Calix Dorado Elmo Fenwick Galvo Hestia Ivera Jotun Kelvo Lumina Mirax Nuvo Orbit Pulsar Quill Rivo
Sonata Tempo Ultra Velo Wexel Xeno Yara Zephyr Aero Bolt Carbo Dune Echo Flux Glide Halo Ion Jet Klar Loom Mono Nimbus
Oxid Prism Ridge Spark Titan Umbra Vivo Wave Astra Boreal Cirrus Drift Ember Fjord
""")

ROLES = _phrases("""
sales manager; head of purchasing; software engineer; accountant; project lead; office manager; nurse; head chef
warehouse supervisor; marketing director; product designer; data analyst; translator; editor; librarian; electrician
plumber; teacher; lecturer; research assistant; chief engineer; site manager; receptionist; HR officer; legal counsel
customer success manager; support technician; store manager; art director; photographer; journalist; pharmacist
dentist; physiotherapist; veterinarian; gardener; carpenter; driver; pilot; quality inspector; buyer; treasurer
vice president; managing director; team lead; intern; consultant; IT administrator; security officer; event planner
copywriter; illustrator; sound engineer; curator; lab technician; mechanic; baker; barista; concierge; tour guide
operations manager; logistics coordinator; business analyst; backend developer; frontend developer; DevOps engineer
machine operator; welder; structural engineer; architect; surveyor; insurance broker; tax adviser; social worker
""")

SKILLS = _phrases("""
Python; SQL; Excel; forklift licence; first aid; public speaking; negotiation; copy-editing; bookkeeping; Java; Rust
Kubernetes; Linux; data modelling; customer service; fluent German; fluent Spanish; French; Mandarin; Arabic; CAD
welding; soldering; project planning; budgeting; team leadership; InDesign; Photoshop; video editing; food hygiene
stock control; driving licence; SAP; payroll; statistics; machine learning; technical writing; network security; React
TypeScript; unit testing; Scrum; event planning; barista experience; patient care; lab safety; risk assessment
contract law; market research; copywriting; route planning; machine maintenance; blueprint reading; child care
""")

TOPIC_WORDS = _phrases("""
modern ceramics; urban gardening; deep sea fishing; medieval maps; renewable energy; bread baking; bird watching; jazz
typography; street photography; beekeeping; cheese making; watercolour; poetry; robotics; astronomy; local history
chess openings; mountain rescue; folk dance; sourdough; woodcarving; bookbinding; data ethics; public transport
wild mushrooms; home brewing; choir music; knitting; climate policy; wine tasting; first aid; creative writing; pottery
contact improvisation; board games; sign language; solar cooking; bicycle repair; family law; museum studies; opera
""")

TITLE_WORDS = _words("""
River Stone Winter Garden Shadow Light House Road Sea Island Bird Letter Song Night Morning Glass Salt Paper Fire Wind
Mountain Bridge Clock Mirror Map Door Key Thread Moon Harvest Lantern Orchard Tide Storm Silence Memory Winter's City
Forest Desert Horse Wolf Fox Crow Bell Ladder Window Kitchen Station Harbour Market Machine Compass Signal Border Field
""")

TITLE_ADJECTIVES = _words("""
Quiet Last Hidden Broken Silver Long Distant Small Golden Lost Secret Empty Burning Frozen Endless Second Northern Blue
Crooked Patient Restless Borrowed Forgotten Wild Slow Early Late Narrow Open Pale Hollow Bright Invisible Common
""")

COLOURS = _phrases(
    "red; dark blue; green; black; white; grey; silver; yellow; orange; brown; beige; light blue; navy; burgundy; cream; olive; turquoise; pink; purple; charcoal; teal; ginger; maroon"
)

MATERIALS = _phrases(
    "oak; pine; steel; aluminium; cotton; wool; leather; glass; ceramic; bamboo; linen; brass; copper; plastic; concrete; marble; cork; rattan; walnut; canvas; felt; titanium; nylon; beech"
)

DEPARTMENTS = _phrases("""
Accounts; Human Resources; Purchasing; Marketing; Sales; Legal; Research; Logistics; IT; Facilities; Customer Care
Quality; Engineering; Design; Finance; Production; Communications; Maintenance; Training; Procurement; Housekeeping
Radiology; Cardiology; Paediatrics; Dermatology; Orthopaedics; Oncology; Admissions; Archive; Security
""")

DISHES = _phrases("""
lentil soup; mushroom risotto; apple crumble; fish pie; onion tart; pumpkin curry; bean stew; lemon cake; potato salad
tomato soup; rice pudding; banana bread; beef goulash; vegetable lasagne; cheese soufflé; carrot cake; fried rice
chickpea salad; plum dumplings; spinach quiche; leek gratin; buckwheat pancakes; shakshuka; ratatouille; pierogi
chicken adobo; dal makhani; miso noodles; jollof rice; moussaka; paella; gazpacho; borscht; kimchi stew; pad thai
""")

INGREDIENTS = _phrases("""
flour; sugar; butter; eggs; milk; olive oil; salt; black pepper; onions; garlic; red lentils; carrots; celery; potatoes
tomatoes; rice; cream; grated cheese; lemon juice; honey; yeast; baking powder; vanilla; cinnamon; cumin; paprika; thyme
basil; parsley; coconut milk; chickpeas; spinach; mushrooms; apples; walnuts; raisins; oats; soy sauce; ginger; chilli
brown sugar; cocoa; almonds; yoghurt; stock; white wine; bay leaves; mustard; vinegar; cornflour; buckwheat; leeks
""")

ANIMALS = _phrases("dog; cat; rabbit; parrot; hamster; tortoise; guinea pig; pony; ferret; canary; goat; kitten; puppy")
BREEDS = _phrases("""
Border Collie; Beagle; Siamese; Maine Coon; Labrador; Poodle; Dachshund; Greyhound; Persian; Bengal; Spaniel; Terrier
Husky; Boxer; Whippet; Ragdoll; Lionhead; Cockatiel; Shetland; Dutch Lop; Corgi; Akita; Samoyed; tabby mix; Podenco
shepherd mix; British Shorthair; Norwegian Forest Cat; Jack Russell; Burmese
""")
PET_NAMES = _words(
    "Bella Rocky Luna Milo Coco Biscuit Pepper Shadow Ginger Toffee Ziggy Nala Oreo Pickles Waffles Bruno Misty Tiger Daisy Socks Bramble Mango Pixel Noodle Marbles Juno Archie Poppy Rufus Olive"
)

LANGUAGES = _phrases(
    "English; German; French; Spanish; Portuguese; Italian; Polish; Dutch; Swedish; Japanese; Korean; Mandarin; Arabic; Hindi; Turkish; Greek; Czech; Finnish; Swahili; Vietnamese; Ukrainian; Welsh; Catalan; Danish"
)

VENUES = _phrases("""
Town Hall; Old Brewery; City Library; Grand Hotel; Riverside Theatre; Community Centre; Botanical Garden; Kulturhaus
Market Hall; Sports Hall; St Mary's Church; Harbour Pavilion; Museum of Craft; Lecture Hall B; Room 204; Café Central
the Corn Exchange; Skylight Gallery; Union Chapel; Castle Courtyard; Blue Barn; Concert House; Festival Tent; Dock 7
Student Union; Seaside Arena; Observatory; Planetarium; Winter Garden; Parish Hall; Rooftop Terrace; Studio 3
""")

CAR_MAKES = _phrases(
    "Toyota Corolla; Volvo V60; Skoda Octavia; Ford Focus; Fiat Panda; Renault Clio; Honda Jazz; Mazda 3; Opel Corsa; Seat Leon; Kia Ceed; Volkswagen Golf; Peugeot 208; Nissan Leaf; Hyundai i20; Dacia Duster; BMW 320d; Audi A4; Subaru Outback; Suzuki Swift; Tesla Model 3; Mini Cooper; Citroën C3; Jeep Renegade"
)

GENRES = _phrases(
    "thriller; poetry; biography; science fiction; crime; romance; fantasy; history; travel writing; memoir; horror; satire; drama; short stories; popular science; cookery; philosophy; children's fiction"
)

AIRLINES = _phrases(
    "Nordavia; SkyLink; Aurora Air; Meridiana; TransBaltic; Iberwing; Pacific Jet; Kestrel Airways; Air Solano; BlueSky; Corsair; Helvetic; Alpenflug; Condor; Sunwing"
)

LOST_THINGS = _phrases("""
a brown leather wallet; a set of keys with a red tag; a black umbrella; a silver ring; a pair of reading glasses
a blue rucksack; a child's mitten; a grey scarf; a folding bicycle; a violin case; a mobile phone with a cracked screen
a hearing aid; a green water bottle; a gold earring; a sketchbook; a laptop sleeve; a library card; a walking stick
a toy rabbit; a camera bag; a wristwatch with a brown strap; a passport cover; a woollen hat; a pearl necklace
""")

PROBLEMS = _phrases("""
the screen stays black after start-up; the printer jams on the second page; the app closes when I upload a photo
the door does not lock; the invoice shows the wrong address; I cannot log in since the update; the heating makes a loud noise
the battery drains within an hour; the export button does nothing; the parcel arrived damaged; water drips from the ceiling
the coffee machine leaks; the password reset mail never arrives; search returns no results; the sound cuts out after ten minutes
the handle came off; the left pedal squeaks; the display flickers; the card reader rejects every card; the map does not load
the lift is stuck on the third floor; the zip is broken; the fan rattles; the subtitles are out of sync; the router restarts at night
two of the glasses are cracked; the colour is not what I ordered; the remote control does not respond; the toilet keeps running
the calendar shows the wrong time zone; attachments are missing from my mails; the backup fails at ninety percent
the drill gets very hot; the drawer does not close; the dashboard is empty; the scanner prints blank pages
notifications arrive twice; the window handle is loose; the smoke alarm beeps all night; the kettle does not switch off
""")

HOBBIES = _phrases(
    "climbing; chess; gardening; sailing; baking; running; photography; knitting; cycling; choir singing; birdwatching; pottery; hiking; painting; fencing; archery; swimming; karate"
)

SUBJECTS = _phrases("""
biology; history of art; linear algebra; organic chemistry; music theory; business law; macroeconomics; databases
creative writing; Spanish for beginners; first aid; web design; bookkeeping; public speaking; drawing; statistics
pottery for beginners; digital photography; Japanese cooking; garden design; yoga; salsa; conflict resolution; Greek
""")

TASKS = _phrases("""
book the room; send the draft to the printer; call the landlord; update the price list; check the fire extinguishers
write to the council; order new chairs; collect three offers; fix the website; prepare the budget; talk to the union
test the backup; invite the speakers; translate the leaflet; clean up the shared drive; renew the insurance
find a caterer; review the contract; print the badges; count the stock; repair the gate; ask the lawyer
measure the hall; draw up a rota; scan the old files; arrange the transport; set up the new laptops; pay the deposit
""")

FEATURES = _phrases("""
a fitted kitchen; underfloor heating; a cellar; a garage; a parking space; a fireplace; a bathtub; a garden; a roof terrace
a dishwasher; a lift; double glazing; a washing machine; an attic; a bicycle shed; a pantry; new windows; a guest toilet
fibre internet; a shared laundry; wooden floors; a large hall; a walk-in wardrobe; solar panels; a sauna; an alarm system
""")

EXTRAS = _phrases("""
heated seats; a tow bar; roof rails; winter tyres; parking sensors; cruise control; a sunroof; air conditioning; sat nav
alloy wheels; a rear camera; leather seats; tinted windows; keyless entry; fog lights; a dash cam; a child seat
""")

PROS = _phrases("""
long battery life; easy to clean; sturdy build; quick delivery; nice design; low noise; clear manual; light weight; good grip
bright display; fair price; easy set-up; soft fabric; strong motor; small size; many colours; good sound; fast charging
""")

CONS = _phrases("""
short cable; loud fan; weak handle; strange smell; poor manual; slow app; thin plastic; too heavy; hard to clean; ugly colour
no spare parts; sharp edges; bad packaging; high price; dim display; loose screws; small buttons; rough seams
""")

STEPS = _phrases("""
Chop the onions; Boil the water; Stir in the cream; Bake for half an hour; Let it rest; Season to taste; Fry the garlic
Mix the dry ingredients; Beat the eggs; Add the stock; Peel the potatoes; Roll out the dough; Serve hot; Sprinkle with herbs
Simmer on low heat; Drain the beans; Grease the tin; Fold in the flour; Leave to cool; Toast the nuts; Knead until smooth
Cover with a lid; Pour into glasses; Slice the bread; Marinate overnight; Whisk until stiff; Strain the sauce
""")

CAUSES = _phrases("""
a full disk; a broken cable; an expired certificate; a faulty update; a power cut; a wrong configuration; a memory leak
too many requests; a typo in a script; a failed switch; an overheated server; a database lock; a bad deployment
a forgotten renewal; a hardware fault; a flooded cellar; a missing index; human error; a worn-out fan; a blocked port
""")

ACTIONS = _phrases("""
add an alarm; replace the switch; write a runbook; test the backups; buy more disks; train the staff; automate renewals
review the script; add a second line; tighten the limits; update the firmware; check the cooling; rotate the logs
inform all customers; move the database; simplify the set-up; repeat the drill; clean the filters
""")

SOFTWARE_FEATURES = _phrases("""
dark mode; offline maps; a new editor; faster search; two-factor login; export to PDF; keyboard shortcuts; a dashboard
voice input; shared folders; automatic backups; a spell checker; larger fonts; a calendar view; undo; group chats
custom themes; bulk editing; drag and drop; an import wizard; push notifications; a plug-in system; tags; time zones
""")

SHORT_PROBLEMS = _phrases("""
the crash on start-up; a memory leak; the broken login; wrong totals; missing icons; slow scrolling; the frozen menu
lost settings; a typo in the help; double messages; the black screen; a rounding error; the printing bug; flickering text
wrong time zones; the empty list; a security hole; garbled names; the endless loop; a broken link
""")

SERVICES = _phrases("""
window cleaning; painting; web design; translation; proofreading; garden work; carpentry; tiling; photo editing; training
consulting; roof repair; bookkeeping; legal advice; data entry; floor polishing; electrical work; wall plastering; moving
sound recording; event planning; furniture assembly; pest control; logo design; market research; network set-up
""")

OFFICES = _phrases("treasurer; secretary; youth coach; bar manager; webmaster; referee; librarian; president; equipment officer; chronicler")

DIETS = _phrases("vegetarian; vegan; fish; chicken; gluten-free; no nuts; halal; kosher; children's menu; no milk; beef; salad")
