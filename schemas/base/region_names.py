"""Names of regions beside those of ISO 3166-2: traditional abbreviations of the states of the USA
and the provinces of Canada, and English names where the standard has the local one.

Keys are in the folded form of schemas/base/regions.py: lower case, without accents, words separated
by one space.
"""

FURTHER_NAMES: dict[str, str] = {
    "US-AK": "alas",
    "US-AL": "ala",
    "US-AR": "ark",
    "US-AZ": "ariz",
    "US-CA": "calif, cal",
    "US-CO": "colo, col",
    "US-CT": "conn",
    "US-DC": "washington dc, washington d c, wash dc, wash d c",
    "US-DE": "del",
    "US-FL": "fla, flor",
    "US-HI": "haw",
    "US-ID": "ida",
    "US-IL": "ill, ills",
    "US-IN": "ind",
    "US-KS": "kans, kan",
    "US-KY": "ken, kent",
    "US-MA": "mass",
    "US-MI": "mich",
    "US-MN": "minn",
    "US-MS": "miss",
    "US-MT": "mont",
    "US-NC": "north car",
    "US-ND": "north dak",
    "US-NE": "neb, nebr",
    "US-NM": "n mex, new mex",
    "US-NV": "nev",
    "US-OK": "okla",
    "US-OR": "ore, oreg",
    "US-PA": "penn, penna",
    "US-SC": "south car",
    "US-SD": "south dak",
    "US-TN": "tenn",
    "US-TX": "tex",
    "US-VA": "virg",
    "US-VI": "virgin islands, us virgin islands, usvi",
    "US-WA": "wash",
    "US-WI": "wis, wisc",
    "US-WV": "west va, west virg",
    "US-WY": "wyo",
    "CA-AB": "alta",
    "CA-BC": "colombie britannique",
    "CA-MB": "man",
    "CA-NB": "nouveau brunswick",
    "CA-NL": "nfld, newfoundland, labrador, nf, newfoundland labrador, terre neuve et labrador",
    "CA-NS": "nouvelle ecosse",
    "CA-NT": "nwt, territoires du nord ouest",
    "CA-ON": "ont",
    "CA-PE": "pei, ile du prince edouard, ipe",
    "CA-QC": "que, pq",
    "CA-SK": "sask",
    "CA-YT": "yukon territory, yk",
    "DE-BY": "bavaria",
    "DE-HE": "hesse",
    "DE-MV": "mecklenburg western pomerania",
    "DE-NI": "lower saxony",
    "DE-NW": "north rhine westphalia, nrw",
    "DE-RP": "rhineland palatinate, rlp",
    "DE-SN": "saxony",
    "DE-ST": "saxony anhalt",
    "DE-TH": "thuringia",
    "AT-2": "carinthia",
    "AT-3": "lower austria",
    "AT-4": "upper austria",
    "AT-6": "styria",
    "AT-7": "tyrol",
    "AT-9": "vienna",
    "CH-GE": "geneva",
    "CH-LU": "lucerne",
    "IT-21": "piedmont",
    "IT-23": "aosta valley",
    "IT-25": "lombardy",
    "IT-52": "tuscany",
    "IT-75": "apulia",
    "IT-82": "sicily",
    "IT-88": "sardinia",
    "ES-AN": "andalusia",
    "ES-CN": "canary islands",
    "ES-CT": "catalonia",
    "ES-IB": "balearic islands",
    "ES-PV": "basque country",
    "FR-BRE": "brittany",
    "FR-NOR": "normandy",
    "MX-CMX": "cdmx, mexico city",
}
"""Further names of a region by its code, separated by commas."""

FURTHER_COUNTRIES: dict[str, str] = {
    "uk": "GB",
    "great britain": "GB",
    "america": "US",
    "u s": "US",
    "u s a": "US",
    "united states of america": "US",
}
"""Further names of countries, in the folded form."""

DIRECTIONS: dict[str, str] = {
    "n": "north",
    "no": "north",
    "s": "south",
    "so": "south",
    "e": "east",
    "w": "west",
}
"""What a first word stands for where more words follow: `N. Carolina`."""

TITLES = (
    *("state of ", "commonwealth of ", "province of ", "territory of ", "canton of ", "the "),
    *("freistaat ", "freie und hansestadt ", "freie hansestadt ", "bundesland ", "land "),
    *("kanton ", "canton de ", "canton du ", "province de ", "provincia de ", "estado de "),
)
"""What may stand before a name."""

TITLES_AFTER = (" state", " province", " region", " territory")
"""What may stand after a name."""
