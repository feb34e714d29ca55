from datetime import UTC, datetime

import pytest

from avctl.model.vote import Ballot, Rule, Threshold, Vote
from dashboards.rolls import roll_groups


@pytest.mark.parametrize(
    "names",
    [
        ("Ганна Ґудзь", "Андрій Єнот", "Борис Їжак"),
        ("Ґудзь Ганна Іванівна", "Єнот Андрій Ілліч", "Їжак Борис Петрович"),  # as Ukrainian lists have them
        (
            "Ганна Іванівна Ґудзь",
            "Олена Абрамович",
            "Ярослав Богданович Петрович",
        ),  # surnames like patronymics
    ],
)
def test_deputies_are_ordered_by_surname_whichever_way_their_names_are_written(
    names: tuple[str, ...],
) -> None:
    wanted = [*names] if "Абрамович" not in names[1] else [names[1], names[0], names[2]]
    vote = Vote(
        session="s",
        number=1,
        device="d",
        round="r",
        title="t",
        rule=Rule(elected=3, quorum=2, threshold=Threshold.ELECTED),
        ballots=tuple(Ballot(seat=9 - n, name=name, choice="yes") for n, name in enumerate(names)),
        opened_at=datetime(2026, 11, 29, tzinfo=UTC),
    )
    (group,) = roll_groups(vote, by_name=True)
    assert [row.name for row in group.rows] == wanted
