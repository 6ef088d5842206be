"""Tables of words: irregular plurals, British and American spellings, and words without content.

The first two are English; the last also has other languages. A shop adds its own words with
``vitrine synonyms``.
"""

from __future__ import annotations

from indexer.words.folding import words_of

LONGEST_NAME = 4  # words of the longest name that is looked for in a query

# Forms that a stemmer keeps apart. The first is the singular.
_IRREGULAR = """
man men mens
woman women womens
child children childrens kid kids
foot feet
tooth teeth
goose geese
mouse mice
person people
knife knives
life lives
leaf leaves
loaf loaves
scarf scarves scarfs
shelf shelves
half halves
calf calves
wolf wolves
hoof hooves
thief thieves
wife wives
dwarf dwarves
handkerchief handkerchieves handkerchiefs
ox oxen
cactus cacti
radius radii
matrix matrices
vertex vertices
axis axes
potato potatoes
tomato tomatoes
"""

# Spellings of one word.
_SPELLINGS = """
gray grey
color colour
colored coloured
jewelry jewellery
aluminum aluminium
pajamas pajama pyjamas pyjama
fiber fibre
center centre
theater theatre
meter metre
liter litre
tire tyre
mold mould
plow plough
donut doughnut
yogurt yoghurt
ketchup catsup
mustache moustache
mom mum
favorite favourite
organize organise
organizer organiser
armor armour
flavor flavour
odor odour
humor humour
cozy cosy
curb kerb
draft draught
catalog catalogue
checkered chequered
license licence
airplane aeroplane
whiskey whisky
carburetor carburettor
molding moulding
skeptic sceptic
chili chilli chile
soy soya
"""

_EMPTY = """
a an and are as at be but by for from i in into is it me my no not of on or our so some something
that the their them these this to us we with you your
am an auf aus bei das dem den der die ein eine einem einen einer eines fur im in ist mit oder und
von vom zu zum zur
au aux avec ce ces dans de des du en et la le les ou par pas pour sans sur un une
al con de del el en la las los o para por sin su un una y
da de do dos e em na no os para por um uma
di e i il la le lo per un una
aan bij de een en het in met of op te van voor
"""


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """Return for each word of a line the other words of that line."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.strip().splitlines():
        words = line.split()
        for word in words:
            equal = tuple(equal for equal in words if equal != word)
            found[word] = (*found.get(word, ()), *equal)
    return found


EQUAL_WORDS: dict[str, tuple[str, ...]] = _table(_IRREGULAR) | _table(_SPELLINGS)
EMPTY_WORDS = frozenset(_EMPTY.split())


def name_key(text: str) -> tuple[str, ...]:
    """Return the words of a folded name, without plurals and empty words; () if it has none.

    Names of categories and values with the same words are equal: ``Mugs`` and ``mug``.
    """
    return tuple(singular(word) for word in words_of(text) if word not in EMPTY_WORDS)


def singular(word: str) -> str:
    """Return a word without the ending of an English plural, and other words unchanged.

    The result is for comparing a query with a field, and is not always a word itself.
    """
    if word in _SINGULAR:
        return _SINGULAR[word]
    if len(word) < 4 or word.endswith(("ss", "us", "is")) or not word.endswith("s"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word[:-1]


_SINGULAR = {
    word: line.split()[0]
    for line in f"{_IRREGULAR}{_SPELLINGS}".strip().splitlines()
    if line
    for word in line.split()
}
