"""What votes decide: the model alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avctl.config.voting import Body, Voting
from avctl.events import QuestionDecided, QuestionLost, QuestionPut, decode, encode
from avctl.model.vote import (
    NOT_VOTING,
    YES,
    Ballot,
    Outcome,
    Rule,
    Standing,
    Threshold,
    Vote,
    ballots_of,
    voted,
)

COUNTS = st.dictionaries(st.sampled_from(["yes", "no", "abstain", "not_voting"]), st.integers(0, 200)).map(
    lambda found: {"yes": 0, **found}
)
RULES = st.builds(
    Rule,
    elected=st.integers(1, 450),
    quorum=st.integers(0, 450),
    threshold=st.sampled_from(Threshold),
)


def put(rule: Rule, **changes: object) -> Vote:
    event = QuestionPut(
        session="s",
        vote=1,
        title="Про бюджет",
        device="hall",
        round="r",
        threshold=rule.threshold,
        elected=rule.elected,
        quorum=rule.quorum,
    )
    return Vote.put(replace(event, **changes))


@pytest.mark.parametrize(
    ("threshold", "elected", "present", "needed"),
    [
        *((Threshold.ELECTED, 120, 61, 61), (Threshold.ELECTED, 15, 15, 8), (Threshold.ELECTED, 1, 1, 1)),
        *((Threshold.PRESENT, 120, 80, 41), (Threshold.PRESENT, 120, 81, 41), (Threshold.PRESENT, 15, 8, 5)),
        *((Threshold.TWO_THIRDS, 120, 90, 80), (Threshold.TWO_THIRDS, 15, 15, 10)),
        (Threshold.TWO_THIRDS, 64, 64, 43),
    ],
)
def test_a_decision_needs_what_the_law_says(
    threshold: Threshold, elected: int, present: int, needed: int
) -> None:
    rule = Rule(elected=elected, quorum=elected // 2 + 1, threshold=threshold)
    assert rule.needed(present) == needed
    assert rule.outcome({YES: needed}, max(present, rule.quorum)) is Outcome.ADOPTED
    assert rule.outcome({YES: needed - 1, "no": 0}, max(present, rule.quorum)) is Outcome.NOT_ADOPTED
    assert rule.outcome({YES: needed}, rule.quorum - 1) is Outcome.NO_QUORUM


@given(RULES, COUNTS, st.integers(0, 500))
def test_one_more_vote_for_it_never_undoes_a_decision(
    rule: Rule, counts: dict[str, int], present: int
) -> None:
    more = {**counts, YES: counts[YES] + 1}
    if rule.outcome(counts, present) is Outcome.ADOPTED:
        assert rule.outcome(more, present) is Outcome.ADOPTED


@given(RULES, COUNTS, st.integers(0, 500))
def test_what_is_adopted_has_more_for_it_than_half_of_those_who_count(
    rule: Rule, counts: dict[str, int], present: int
) -> None:
    if rule.outcome(counts, present) is Outcome.ADOPTED:
        base = present if rule.threshold is Threshold.PRESENT else rule.elected
        assert counts[YES] * 2 > base
        assert present >= rule.quorum


@given(RULES, COUNTS, st.none() | st.integers(0, 500), st.none() | st.integers(0, 500))
def test_a_vote_is_decided_once_and_its_event_holds_all_of_it(
    rule: Rule, counts: dict[str, int], told: int | None, said: int | None
) -> None:
    vote = put(rule, present=said)
    decided = vote.decided(counts, (), told, closed_part=False)
    assert decided.present >= voted(counts)
    assert {**decided.counts, NOT_VOTING: 0} == {**counts, NOT_VOTING: 0}
    again = decode(encode(decided))
    assert isinstance(again, QuestionDecided)
    after = vote.after(again)
    assert (after.state, after.outcome, dict(after.counts)) == (
        Standing.CLOSED,
        rule.outcome(counts, decided.present),
        decided.counts,
    )
    assert after.after(QuestionLost(session="s", vote=1, title="", reason="late")) is after
    assert after.after(replace(decided, counts={YES: 450})) is after


def test_who_is_present_is_counted_by_the_system_then_by_a_person_then_by_votes() -> None:
    vote = put(Rule(elected=120, quorum=61, threshold=Threshold.ELECTED), present=70)
    cast = {"yes": 50, "no": 5, "abstain": 0}
    assert vote.decided(cast, (), 90, False).present == 90
    assert vote.decided(cast, (), None, False).present == 70
    assert vote.decided(cast, (), None, False).counts[NOT_VOTING] == 15
    assert replace(vote, present=None).decided(cast, (), None, False).present == 55
    assert vote.decided({"yes": 80}, (), 40, False).present == 80  # nobody votes without being there


def test_who_sits_there_and_did_not_vote_is_told_and_a_seat_without_a_person_is_a_number() -> None:
    seats = {
        "2": {"name": "Олена", "group": "А"},
        "10": {"name": "Остап", "group": "Б"},
        "3": {"name": "", "group": ""},
        "4": {"name": "Секретар", "votes": False},
    }
    assert ballots_of({"10": "yes", "77": "no"}, seats) == (
        Ballot(seat=2, name="Олена", group="А", choice="not_voting"),
        Ballot(seat=10, name="Остап", group="Б", choice="yes"),
        Ballot(seat=77, choice="no"),
    )
    assert ballots_of({}, seats) == ()  # a system that tells nobody's choice


def test_a_choice_between_names_is_counted_and_decides_nothing() -> None:
    rule = Rule(elected=15, quorum=8, threshold=Threshold.ELECTED)
    assert rule.outcome({"Марчук О.": 8, "Кравець І.": 4}, 12) is Outcome.COUNTED
    assert rule.outcome({"Марчук О.": 5}, 5) is Outcome.NO_QUORUM


@pytest.mark.parametrize("counts", [{"no": 12}, {"abstain": 3, "no": 9}, {"not_voting": 12}, {}])
def test_what_nobody_was_for_is_not_adopted_also_where_the_system_leaves_that_out(
    counts: dict[str, int],
) -> None:
    rule = Rule(elected=15, quorum=8, threshold=Threshold.ELECTED)
    assert rule.outcome(counts, 12) is Outcome.NOT_ADOPTED


def test_each_body_decides_by_its_own_numbers() -> None:
    budget = Body(body="Комісія з бюджету", elected=15, threshold=Threshold.PRESENT)
    voting = Voting(elected=120, bodies=(budget,))
    assert voting.rule_of("Київська міська рада") == Rule(elected=120, quorum=61, threshold=Threshold.ELECTED)
    assert voting.rule_of(" комісія з Бюджету ") == Rule(elected=15, quorum=8, threshold=Threshold.PRESENT)
    with pytest.raises(ValueError, match="at most elected"):
        Voting(elected=10, quorum=11)
