"""The provinces of China: how they are written, and how far apart they are for a carrier."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Province:
    """`code` as in ISO 3166-2:CN. `remote`: carriers take days longer, wherever the parcel comes from."""

    code: str
    zh: str
    en: str
    zone: str
    remote: bool = False
    overseas: bool = False


PROVINCES = (
    Province("BJ", "北京", "Beijing", "north"),
    Province("TJ", "天津", "Tianjin", "north"),
    Province("HE", "河北", "Hebei", "north"),
    Province("SX", "山西", "Shanxi", "north"),
    Province("NM", "内蒙古", "Inner Mongolia", "north", remote=True),
    Province("LN", "辽宁", "Liaoning", "northeast"),
    Province("JL", "吉林", "Jilin", "northeast"),
    Province("HL", "黑龙江", "Heilongjiang", "northeast"),
    Province("SH", "上海", "Shanghai", "east"),
    Province("JS", "江苏", "Jiangsu", "east"),
    Province("ZJ", "浙江", "Zhejiang", "east"),
    Province("AH", "安徽", "Anhui", "east"),
    Province("FJ", "福建", "Fujian", "east"),
    Province("JX", "江西", "Jiangxi", "east"),
    Province("SD", "山东", "Shandong", "east"),
    Province("HA", "河南", "Henan", "centre"),
    Province("HB", "湖北", "Hubei", "centre"),
    Province("HN", "湖南", "Hunan", "centre"),
    Province("GD", "广东", "Guangdong", "south"),
    Province("GX", "广西", "Guangxi", "south"),
    Province("HI", "海南", "Hainan", "south"),
    Province("CQ", "重庆", "Chongqing", "southwest"),
    Province("SC", "四川", "Sichuan", "southwest"),
    Province("GZ", "贵州", "Guizhou", "southwest"),
    Province("YN", "云南", "Yunnan", "southwest"),
    Province("XZ", "西藏", "Tibet", "southwest", remote=True),
    Province("SN", "陕西", "Shaanxi", "northwest"),
    Province("GS", "甘肃", "Gansu", "northwest", remote=True),
    Province("QH", "青海", "Qinghai", "northwest", remote=True),
    Province("NX", "宁夏", "Ningxia", "northwest", remote=True),
    Province("XJ", "新疆", "Xinjiang", "northwest", remote=True),
    Province("HK", "香港", "Hong Kong", "overseas", overseas=True),
    Province("MO", "澳门", "Macao", "overseas", overseas=True),
    Province("TW", "台湾", "Taiwan", "overseas", overseas=True),
)
OTHER_SPELLINGS = {"xizang": "XZ", "macau": "MO", "neimenggu": "NM", "臺灣": "TW", "澳門": "MO"}
WORDS_AROUND = ("province", "municipality", "autonomousregion", "sar", "city")


def province_named(name: str) -> Province | None:
    """By its code, or by its Chinese or English name with or without 省, 市, Province, …; None where it is none."""
    plain = "".join(character for character in name.casefold() if character.isalnum())
    if plain.startswith("cn") and plain[2:].upper() in BY_CODE:
        return BY_CODE[plain[2:].upper()]
    return next((BY_CODE[code] for spelling, code in SPELLINGS if _is(plain, spelling)), BY_CODE.get(plain.upper()))


def _is(plain: str, spelling: str) -> bool:
    """Chinese names carry their suffix without a gap; Latin ones must not be the beginning of another word."""
    if not plain.startswith(spelling):
        return False
    rest = plain[len(spelling) :]
    return not rest or not spelling.isascii() or rest.endswith(WORDS_AROUND)


BY_CODE = {one.code: one for one in PROVINCES}
SPELLINGS = (
    *((one.zh, one.code) for one in PROVINCES),
    *((one.en.casefold().replace(" ", ""), one.code) for one in PROVINCES),
    *OTHER_SPELLINGS.items(),
)
