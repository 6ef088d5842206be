"""Words of shops that English-speaking countries call differently, such as trousers and pants.

They are searched for as words that resemble the typed one, and count half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from indexer.words.spellings import EQUAL_WORDS, singular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.words.typed import Unit

LONGEST: Final = 3  # words of a phrase

_EQUAL: Final = """
trousers, pants, slacks
jumper, sweater, pullover
t-shirt, tshirt, tee, tee shirt
zipper, zip
women, ladies, female, her
men, gents, gentlemen, male, him
violet, purple
navy, navy blue, blue
ivory, off white, white
burgundy, maroon
beige, tan
quarter zip, 1 4 zip
half zip, 1 2 zip
turquoise, teal
fuchsia, magenta
hoodie, hooded sweatshirt
singlet, tank top, tank, vest top, sleeveless top, sleeveless shirt
waistcoat, gilet, vest
anorak, parka, windbreaker, windcheater
raincoat, rain jacket, mac
dungarees, overalls
polo neck, turtleneck, roll neck
dressing gown, bathrobe
nightdress, nightgown, nightie
pyjamas, sleepwear
swimming costume, swimsuit, bathing suit
swimming trunks, swim shorts
tights, pantyhose
knickers, panties
braces, suspenders
track pants, trackpants, sweatpants, joggers, tracksuit bottoms, jogging bottoms
capris, cropped pants, cropped trousers
bobble hat, beanie, woolly hat
trainers, sneakers
plimsolls, canvas shoes
court shoes, pumps
wellington boots, wellies, rain boots, gumboots
rucksack, backpack, knapsack, satchel, school satchel
bumbag, fanny pack, waist pack, belt bag
holdall, duffel, duffle, gym bag
tote, carryall, shopper
handbag, purse
timepiece, wristwatch, watch
spectacles, eyeglasses, glasses
sunglasses, shades
fancy dress, costume
sofa, couch, settee
wardrobe, armoire
chest of drawers, dresser
bedside table, nightstand
cot, crib
pram, stroller, pushchair, baby carriage
nappy, diaper
pacifier, soother
curtains, drapes
duvet, comforter
torch, flashlight
tap, faucet
spanner, wrench
hoover, vacuum cleaner
hob, cooktop
fridge, refrigerator
tin opener, can opener
washing up liquid, dish soap
bin, trash can, garbage can
bin bag, trash bag, garbage bag
tea towel, dish towel
kitchen roll, paper towel
cling film, plastic wrap
baking tray, baking sheet
mobile phone, cell phone, smartphone
telly, television, tv
drinks bottle, water bottle
skipping rope, jump rope
press up, push up
yoga block, yoga brick
football, soccer ball
pushbike, bicycle, bike
eraser, rubber
plaster, band aid
drawing pin, thumbtack
sellotape, sticky tape, scotch tape
biro, ballpoint pen
aubergine, eggplant, brinjal
courgette, zucchini
rocket, arugula
coriander, cilantro
beetroot, beet
swede, rutabaga
spring onion, scallion, green onion
capsicum, bell pepper, sweet pepper
sweetcorn, corn, maize
rockmelon, cantaloupe
mangetout, snow peas
broad bean, fava bean
chickpea, garbanzo
gherkin, pickle
spud, potato
champignon, button mushroom, mushroom
tangerine, mandarin, satsuma, clementine
prawn, shrimp
mince, ground beef, minced meat
crisps, potato chips
chips, french fries
biscuit, cookie
sweets, candy, lollies
ice lolly, popsicle
candyfloss, cotton candy
fizzy drink, soda, soft drink
porridge, oatmeal
treacle, molasses
icing sugar, powdered sugar
cornflour, cornstarch
plain flour, all purpose flour
bicarbonate of soda, baking soda
wholemeal, whole wheat
soured cream, sour cream
"""


def _key(phrase: str) -> tuple[str, ...]:
    return tuple(singular(word) for word in phrase.replace("-", " ").split())


def _table() -> dict[tuple[str, ...], list[str]]:
    found: dict[tuple[str, ...], list[str]] = {}
    for line in _EQUAL.strip().splitlines():
        phrases = [" ".join(_key(phrase)) for phrase in line.split(",")]
        for phrase in phrases:
            others = found.setdefault(tuple(phrase.split()), [])
            for other in phrases:
                if other not in (phrase, *others):
                    others += [other, *EQUAL_WORDS.get(other, ())]
    return found


_FOUND: Final = _table()


def names_elsewhere(units: Sequence[Unit]) -> list[list[str]]:
    """Return for each unit what it, or a phrase that it is in, is called in other countries."""
    found: list[list[str]] = [[] for _ in units]
    for start in range(len(units)):
        for end in range(start + 1, min(len(units), start + LONGEST) + 1):
            words = tuple(word for unit in units[start:end] for word in unit.words)
            for place in range(start, end):
                found[place].extend(regional_words(words))
    return found


def names_beginning_with(beginning: str) -> list[str]:
    """Return what words with this beginning are called elsewhere, as singulars."""
    names = [_FOUND[name] for name in _FOUND if len(name) == 1 and name[0].startswith(beginning)]
    return list(dict.fromkeys(other for others in names for other in others))


def regional_words(words: tuple[str, ...]) -> list[str]:
    """Return what folded words are called elsewhere, as singulars; [] if they have one name."""
    return _FOUND.get(tuple(singular(word) for word in words), [])
