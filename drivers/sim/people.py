"""Who sits in the simulated halls: invented people of an invented council, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass

WOMEN = (
    *("Оксана", "Ганна", "Мирослава", "Соломія", "Уляна", "Дарина", "Лариса", "Зоряна", "Богдана", "Тетяна"),
    *("Христина", "Катерина", "Ярина", "Поліна", "Роксолана"),
)
MEN = (
    *("Остап", "Назар", "Тарас", "Максим", "Данило", "Левко", "Орест", "Микола", "Гнат", "Сергій", "Лук'ян"),
    *("Захар", "Олекса", "Матвій", "Устим", "Ростислав"),
)
SURNAMES = (
    *("Бережненко", "Вітрук", "Гайдаренко", "Дзвінчук", "Ерстенюк", "Жоржук", "Завірюшенко", "Іванищук"),
    *("Калинюк", "Лебеденко", "Мельничук", "Нечуйченко", "Очеретенко", "Перепелюк", "Рутковенко", "Сливчук"),
    *("Тополенко", "Улянчук", "Ференчук", "Хуторенко", "Цимбалюк", "Чорнобривенко", "Шовковенко", "Щедренко"),
    *("Юхимчук", "Яворенко", "Барвінчук", "Волошкенко", "Горобчук", "Дударенко", "Журавчук", "Зозуленко"),
    *("Ірпенчук", "Купальчук", "Любистенко", "Мандрівчук", "Настасенко", "Орлюк", "Полинчук", "Росяненко"),
    *("Снігурчук", "Трембітюк", "Узваренко", "Филимончук", "Хмелюк", "Цвітненко", "Чумаченко", "Шипшинчук"),
)
FACTIONS = (
    ("Фракція «Каштани»", 30),
    ("Фракція «Дніпрові схили»", 26),
    ("Фракція «Кияни»", 22),
    ("Фракція «Світанок»", 18),
    ("Фракція «Нова вулиця»", 14),
    ("Фракція «Тихий двір»", 10),
)
PRESIDIUM = "Президія"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with a place in a hall."""

    first_name: str
    last_name: str
    title: str
    group: str
    chairman: bool = False

    @property
    def name(self) -> str:
        """As on a screen."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, kw_only=True)
class Roster:
    """Who meets in a hall, by seat from 1, and about what."""

    meeting: str
    people: tuple[Person, ...]
    agenda: tuple[str, ...]


def plenary() -> Roster:
    """The council: 120 deputies by faction in seats 1 to 120, the presidium in 121 (the chair) to 123."""
    groups = [group for group, size in FACTIONS for _ in range(size)]
    deputies = tuple(_person(place, "депутат", group) for place, group in enumerate(groups))
    return Roster(
        meeting="Пленарне засідання міської ради",
        people=(
            *deputies,
            _person(120, "головуючий", PRESIDIUM, chairman=True),
            _person(121, "заступник голови", PRESIDIUM),
            _person(122, "секретар ради", PRESIDIUM),
        ),
        agenda=(
            "Про бюджет міста Києва на наступний рік",
            "Про програму «Безпечне місто»",
            "Про перейменування вулиць у Шевченківському районі",
            "Депутатські запити",
        ),
    )


def committee() -> Roster:
    """A standing committee of 15; its head sits in seat 1."""
    groups = [FACTIONS[place % len(FACTIONS)][0] for place in range(15)]
    return Roster(
        meeting="Засідання постійної комісії з питань бюджету",
        people=tuple(
            _person(
                140 + place, "голова комісії" if place == 0 else "член комісії", group, chairman=place == 0
            )
            for place, group in enumerate(groups)
        ),
        agenda=(
            "Про бюджет міста Києва на наступний рік",
            "Про програму «Безпечне місто»",
        ),
    )


def _person(place: int, title: str, group: str, chairman: bool = False) -> Person:
    """The same person for the same place; no two places share a name."""
    round_, turn = divmod(place, len(SURNAMES))
    names = WOMEN if (place + round_) % 2 else MEN
    first = names[(place // 2 * 7 + round_ * 3) % len(names)]
    return Person(first_name=first, last_name=SURNAMES[turn], title=title, group=group, chairman=chairman)
