"""The ways in which the reference server can break its contract, and what each deserves.

Written before the checks, from the contract alone. The severity follows the rule of the
checks: critical = work lost or leaked to another user, server down or hung, wrong code accepted;
major = a documented call fails or lies; minor = the rest.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["critical", "major", "minor"]


class Fault(NamedTuple):
    """One way to break the contract."""

    name: str
    severity: Severity
    breaks: str


FAULTS = tuple(
    Fault(*fields)
    for fields in (
        # ---- one user's work reaches another
        ("list_shows_all", "critical", "the list holds the sessions of every user"),
        ("read_foreign", "critical", "any user reads a session whose id is known"),
        ("assists_foreign", "critical", "any user reads the assists of a session"),
        ("resolve_foreign", "critical", "any user fills the holes of a session"),
        ("finalize_foreign", "critical", "any user finalises a session"),
        ("generate_foreign", "critical", "any user gets the code of a session"),
        ("delete_foreign", "critical", "any user deletes a session"),
        ("user_of_connection", "critical", "a connection keeps the user of its first call"),
        ("user_cut", "critical", "users are told apart by 24 characters of their names"),
        ("metadata_shared", "critical", "all sessions share one metadata object"),
        ("no_user_no_refusal", "critical", "a call without a user sees the work of all"),
        ("empty_user_sees_all", "critical", "an empty user name sees the work of all"),
        # ---- work is lost
        ("lost_update", "critical", "of resolves at the same time only the last one stays"),
        ("same_id", "critical", "sessions created at the same time share an id"),
        ("lost_on_finalize", "critical", "a finalised session is gone"),
        (
            "lost_while_finalizing",
            "critical",
            "a resolve during a finalise is dropped",
        ),
        ("delete_takes_all", "critical", "a delete drops every session of the user"),
        ("text_not_applied", "critical", "a hole closes, and the text that filled it is dropped"),
        ("draft_shared", "critical", "sessions made from the same IR share one draft"),
        ("failed_create_lost", "critical", "a bad create empties the user's list"),
        # ---- wrong code is handed out as good
        ("code_no_return", "critical", "the code computes its value and never returns it"),
        ("code_swapped", "critical", "the code takes its parameters in another order"),
        ("code_of_other", "critical", "the code is that of the session finalised last"),
        ("code_broken", "critical", "the code does not parse"),
        # ---- the server goes down or hangs
        ("hangs_on_large", "critical", "a body of over 500 kB is never answered"),
        ("dies_of_depth", "critical", "after a body nested 100 deep every call is a 500"),
        ("dies_of_crash", "critical", "after an uncaught error every call hangs"),
        ("lock_kept", "critical", "a client that breaks off leaves its session locked for ever"),
        ("list_dies_of_nul", "critical", "a NUL in metadata makes every later list a 500"),
        # ---- a documented call fails or lies
        ("delete_keeps", "major", "a deleted session can still be read"),
        ("delete_unknown_ok", "major", "to delete an unknown session is a 200"),
        ("finalize_with_holes", "major", "a session with holes is finalised"),
        ("finalize_once", "major", "a second finalise is a 500"),
        ("finalize_no_ir", "major", "finalise gives an empty list of IRs"),
        ("finalize_stays_active", "major", "a finalised session stays active"),
        ("generate_unfinalized", "major", "code is made from a session that is not finalised"),
        ("language_ignored", "major", "code for another language is Python with a 200"),
        ("mode_ignored", "major", "an unknown assertion mode is a 200"),
        ("code_stub", "major", "the code only raises NotImplementedError"),
        ("generate_other_language", "major", "Python is refused, too"),
        ("revision_stuck", "major", "resolve does not raise revision_count"),
        ("unknown_hole_ok", "major", "to resolve an unknown hole is a 200"),
        ("resolve_finalized", "major", "a finalised session is changed by a resolve"),
        ("resolve_closes_all", "major", "one resolve closes every hole"),
        ("resolve_closes_other", "major", "a resolve closes the first hole, whichever was named"),
        ("ambiguities_stale", "major", "a filled hole stays among the ambiguities"),
        ("assists_phantom", "major", "assists name a hole that is not there"),
        ("assists_stale", "major", "assists still name a hole that was filled"),
        ("assists_missing", "major", "assists leave one open hole out"),
        ("unknown_is_500", "major", "an unknown session is a 500 in JSON"),
        (
            "unknown_crashes",
            "major",
            "an unknown session is an uncaught 500",
        ),
        ("error_as_200", "major", "an error is a 200 with `error` in its body"),
        ("empty_create_ok", "major", "a session is made from neither prompt nor IR"),
        ("metadata_dropped", "major", "metadata is not kept"),
        ("text_latin1", "major", "what is beyond ASCII comes back garbled"),
        ("text_cut_at_nul", "major", "a text ends at its first NUL"),
        ("bidi_stripped", "major", "bidirectional marks are dropped from texts"),
        ("summary_cut", "major", "an IR's summary is cut to 40 characters"),
        ("list_misses_newest", "major", "the list leaves the newest session out"),
        ("list_first_20", "major", "the list ends after 20 sessions and does not say so"),
        ("race_is_500", "major", "of resolves at the same time some are a 500"),
        ("reply_cut", "major", "long replies end before their announced length"),
        ("blocked_by_model", "major", "no call is answered while the model thinks"),
        ("restart_half", "major", "after a restart the list names sessions that cannot be read"),
        # ---- the rest
        ("unknown_type_ok", "minor", "an unknown resolution_type is taken"),
        ("not_json_500", "minor", "a body that is not JSON is a 500"),
        ("wrong_type_500", "minor", "a field of the wrong type is a 500"),
        ("bad_ir_500", "minor", "an IR without a signature is a 500"),
        ("long_user_500", "minor", "a user name of 8 kB is a 500"),
        ("html_errors", "minor", "errors are HTML pages"),
        ("traceback_shown", "minor", "errors hold the server's traceback"),
        ("updated_back", "minor", "updated_at goes back with a resolve"),
        ("updated_stuck", "minor", "updated_at is not raised by a resolve"),
        ("created_moves", "minor", "created_at changes with a resolve"),
        ("time_local", "minor", "timestamps carry no time zone"),
        ("slash_loops", "minor", "a trailing slash redirects to itself"),
        ("json_as_html", "minor", "JSON is announced as text/html"),
    )
)

BY_NAME = {fault.name: fault for fault in FAULTS}
