"""Who sits in the demo's council, and how their sittings usually are."""

from __future__ import annotations

from typing import Any

COUNCIL = "Київська міська рада"
BUDGET = "Постійна комісія з питань бюджету та соціально-економічного розвитку"
EDUCATION = "Постійна комісія з питань освіти і науки"
# Name, English name, weekday's hour, and in which of the demo's rooms.
COMMITTEES: tuple[tuple[str, str, str, str, str], ...] = (
    ("budget", BUDGET, "Standing Committee on Budget and Development", "14:00", "committee"),
    ("education", EDUCATION, "Standing Committee on Education and Science", "10:00", "committee-2"),
    *(
        (name, f"Постійна комісія з питань {of}", f"Standing Committee on {of_en}", clock, room)
        for name, of, of_en, clock, room in (
            ("property", "власності та регуляторної політики", "Property", "11:00", "committee"),
            (
                "planning",
                "архітектури, містопланування та земельних відносин",
                "Planning",
                "15:00",
                "committee",
            ),
            ("housing", "житлово-комунального господарства та енергетики", "Housing", "12:00", "committee"),
            ("transport", "транспорту, зв'язку та реклами", "Transport", "14:00", "committee-2"),
            ("health", "охорони здоров'я та соціальної політики", "Health", "11:00", "committee-2"),
            ("culture", "культури, туризму та суспільних комунікацій", "Culture", "15:00", "committee-2"),
            ("environment", "екологічної політики", "the Environment", "16:00", "committee-2"),
            ("ethics", "регламенту та депутатської етики", "Procedure and Ethics", "10:00", "committee"),
            (
                "self-government",
                "місцевого самоврядування та міжнародних зв'язків",
                "Local Self-government",
                "16:00",
                "committee",
            ),
            ("legality", "законності та правопорядку", "Legality and Order", "09:00", "committee"),
            ("business", "підприємництва, промисловості та благоустрою", "Business", "13:00", "committee"),
            (
                "youth",
                "молоді, спорту та цифрового розвитку",
                "Youth, Sport and Digital Affairs",
                "13:00",
                "committee-2",
            ),
        )
    ),
)


def bodies() -> tuple[dict[str, Any], ...]:
    """The council, its fourteen standing committees and its executive committee, each with a template."""
    council = {
        "name": "пленарне засідання",
        "title": "Пленарне засідання",
        "kind": "plenary",
        "room": "plenary",
        "clock": "10:00",
        "minutes": 480,
        "setup_minutes": 60,
        "breakdown_minutes": 30,
        "policy": "live",
        "agenda": [{"number": "1", "title": "Про порядок денний", "minutes": 30}],
    }
    executive = {
        **council,
        "name": "засідання",
        "title": "Засідання виконавчого комітету",
        "kind": "executive",
    }
    return (
        _body("council", COUNCIL, "Kyiv City Council", "council", council),
        *(
            _body(
                name,
                title,
                title_en,
                "committee",
                {
                    "name": "чергове засідання",
                    "title": title.replace("Постійна комісія", "Засідання постійної комісії"),
                    "kind": "committee",
                    "room": room,
                    "clock": clock,
                    "minutes": 120,
                    "setup_minutes": 15,
                    "breakdown_minutes": 10,
                    "policy": "live",
                    "agenda": [
                        {"number": "1", "title": "Про порядок денний", "minutes": 10},
                        {"number": "2", "title": "Різне"},
                    ],
                },
            )
            for name, title, title_en, clock, room in COMMITTEES
        ),
        _body("executive", "Виконавчий комітет", "Executive Committee", "executive", executive),
    )


def _body(name: str, title: str, title_en: str, kind: str, template: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "name": title, "name_en": title_en, "kind": kind, "templates": [template]}
