"""Votes on the pages: the block of a room's page, and what is shown of a vote anywhere."""

from __future__ import annotations

from collections.abc import Mapping

from avctl.model.account import Act, Role
from avctl.model.session import Phase, Session
from avctl.model.vote import NOT_VOTING, USUAL, Outcome, Standing, Threshold, Vote, voted
from avctl.services.controller import Controller
from avctl.services.votes import Count, visible
from dashboards import views
from dashboards.buttons import may
from dashboards.words import CHOICES, OUTCOMES, STANDINGS, THRESHOLDS, _

EARLIER = 5
SHAPES: Mapping[str, str] = {
    **{"adopted": "✓", "not_adopted": "✗", "no_quorum": "✗", "counted": "■"},
    **{"open": "●", "paused": "■", "lost": "✗"},
}


def shown(vote: Vote, count: Count) -> views.VoteShown:
    """A vote as pages show it; ``count`` is what is known of one that is open."""
    is_open = vote.state is Standing.OPEN
    counts = count.counts if is_open else vote.counts
    state = "paused" if is_open and count.paused else str(vote.state)
    outcome = str(vote.outcome or "")
    return views.VoteShown(
        number=vote.number,
        title=vote.title,
        item=vote.item,
        state=state,
        word=STANDINGS[state],
        shape=SHAPES.get(outcome or state, "■"),
        since=vote.closed_at or vote.opened_at,
        voted=count.voted if is_open else vote.voted,
        bars=bars_of(counts, vote.rule.elected),
        outcome=OUTCOMES[vote.outcome] if vote.outcome else "",
        rule=THRESHOLDS[vote.rule.threshold],
        needed=None if vote.outcome is Outcome.COUNTED else vote.needed,
        elected=vote.rule.elected,
        quorum=vote.rule.quorum,
        present=vote.present,
        reason=vote.reason,
        closed_part=vote.closed_part,
        known=count.known or not is_open,
        url=f"/votes/{vote.session}/{vote.number}",
    )


def bars_of(counts: Mapping[str, int], elected: int) -> tuple[views.VoteBar, ...]:
    """Every choice with its count: the usual ones always, in one order, where yes and no are asked."""
    if not counts:
        return ()
    usual = [choice for choice in USUAL if choice in counts or (choice != NOT_VOTING and "yes" in counts)]
    others = [choice for choice in counts if choice not in USUAL]
    most = max(elected, voted(counts), 1)
    return tuple(
        views.VoteBar(
            choice=choice,
            word=CHOICES.get(choice, choice),
            count=counts.get(choice, 0),
            share=round(100 * counts.get(choice, 0) / most, 1),
        )
        for choice in (*others, *usual)
    )


def vote(controller: Controller, subject: str, role: Role | None, language: str) -> views.VoteBlock:
    """The votes of the session in a room."""
    session = controller.sessions.in_room(subject)
    system = controller.votes.system(subject)
    held = controller.votes.held(session.id) if session is not None else ()
    seen = [one for one in held if session is not None and visible(session, one, role)]
    able = system is not None or bool(seen)
    last = seen[-1] if seen else None
    runs = may(role, Act.RUN_VOTES) and system is not None and system.online and session is not None
    is_open = last is not None and last.state is Standing.OPEN
    close = None
    if runs and last is not None and is_open:
        close = views.Button(
            id=f"vote-{subject}-close",
            url=f"/control/{subject}/votes/{last.number}/close",
            label=_("Close the vote"),
            kind="end",
            key="V",
            again=_("Press again: close the vote"),
        )
    form = None
    if runs and session is not None and not is_open and (session.phase is Phase.OPEN or session.closed_part):
        form = _form(controller, session, last)
    return views.VoteBlock(
        room=subject,
        able=able,
        vote=shown(last, controller.votes.count(last)) if last else None,
        form=form,
        close=close,
        all_url=f"/votes/{session.id}" if session is not None else "",
        earlier=tuple(shown(one, Count()) for one in reversed(seen[:-1][-EARLIER:])),
    )


def _form(controller: Controller, session: Session, last: Vote | None) -> views.VoteForm:
    rule = controller.votes.rule_of(session)
    return views.VoteForm(
        url=f"/control/{session.room}/votes",
        title=session.item,
        # The key that closed a vote is this one's too: pressed once too often it must not begin another.
        repeats=last is not None and last.title == session.item,
        thresholds=tuple(
            views.Choice(value=one.value, word=THRESHOLDS[one], chosen=one is rule.threshold)
            for one in Threshold
        ),
        present=session.present,
        most=rule.elected,
    )
