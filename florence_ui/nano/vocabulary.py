"""Everything that florence-2-nano knows: kinds of objects, words on signs, fonts, picture sizes."""

KINDS: dict[str, str] = {
    "dog": "🐕", "cat": "🐈", "horse": "🐎", "cow": "🐄", "pig": "🐖", "chicken": "🐓", "elephant": "🐘",
    "frog": "🐸", "penguin": "🐧", "fish": "🐠", "butterfly": "🦋", "snail": "🐌",
    "car": "🚗", "bus": "🚌", "bicycle": "🚲", "train": "🚂", "rocket": "🚀", "boat": "⛵", "tractor": "🚜",
    "tree": "🌳", "palm": "🌴", "cactus": "🌵", "mushroom": "🍄", "sunflower": "🌻", "house": "🏠", "tent": "⛺",
    "apple": "🍎", "banana": "🍌", "carrot": "🥕", "pizza": "🍕", "burger": "🍔", "cake": "🎂", "cheese": "🧀",
    "cup": "☕", "ball": "⚽", "guitar": "🎸", "drum": "🥁", "key": "🔑", "book": "📕", "clock": "⏰",
    "bulb": "💡", "phone": "📱", "camera": "📷", "laptop": "💻", "umbrella": "🌂", "hat": "🎩",
    "balloon": "🎈", "gift": "🎁", "star": "⭐", "sun": "🌞", "moon": "🌙", "crayon": "🖍",
}  # fmt: skip
"""Name of a kind -> its glyph in Noto Color Emoji."""

NAMES: tuple[str, ...] = tuple(KINDS)

WORDS: tuple[str, ...] = tuple(
    """
    OPEN EXIT STOP TAXI CAFE SALE HOTEL PARK ZOO FARM BANK SHOP FOOD MENU PIZZA BEACH SCHOOL POLICE MUSEUM CINEMA
    BAKERY MARKET GARDEN STATION AIRPORT BRIDGE CASTLE FOREST LAKE RIVER NORTH SOUTH EAST WEST LEFT RIGHT PUSH
    PULL HELLO WELCOME PARTY MUSIC DANCE BOOKS TOYS GAMES FRESH FRUIT MILK BREAD JUICE TEA COFFEE WATER SUGAR SALT
    FREE NEW HOT COLD FAST SLOW QUIET DANGER KEEP OUT NO YES UP DOWN ONE TWO THREE FOUR FIVE SIX SEVEN MONDAY
    FRIDAY SUNDAY SPRING SUMMER WINTER HOME ROOM LIFT BUS TRAM PORT CAMP FIRE HELP INFO KIDS LOVE PEACE SMILE
    """.split()  # noqa: SIM905  # a list of words reads best as words
)
"""Words on signs; OCR is trained and measured on these."""

FONTS: tuple[str, ...] = (
    "DejaVuSans-Bold",
    "DejaVuSans",
    "DejaVuSans-BoldOblique",
    "DejaVuSerif-Bold",
    "DejaVuSerif",
    "DejaVuSansMono-Bold",
)
"""DejaVu fonts that come with matplotlib, so that none needs to be installed."""

PICTURE_SIZES: tuple[tuple[int, int], ...] = ((384, 384), (448, 336), (336, 448), (480, 320))
"""Width and height of scenes in pixels."""

UNSEEN_FROM = 1_000_000
"""Training uses only seeds below this one; measurements and examples only seeds from it on."""
