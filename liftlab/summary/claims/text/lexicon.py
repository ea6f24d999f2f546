"""Which words name which quantity: one table for each part of a claim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from liftlab.records import FailureClass
from liftlab.summary.answers import TRIES
from liftlab.summary.claims.model import KNOWN_STAGES
from liftlab.summary.claims.text.normalize import normalize

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary

Slot = Literal["statistic", "stage", "measure", "cost", "whose", "group", "class", "other"]
# A value that begins with ! is known, and is no quantity that a claim can be ruled by.
_REQUEST = r"(?:requests?|calls?|prompts?|generations?|quer(?:y|ies)|runs?|trials?|invocations?)"
_RIGHT = (
    r"(?:right|correct|passing|passed|successful|solved) (?:answers?|solutions?|results?|functions?"
    r"|tasks?|prompts?|cases?|code|programs?|generations?)"
)


def _many(number: str) -> str:
    """Return the pattern of so many requests, of which the price is told."""
    return (
        rf"\b(?:per|an?|for|every|of|buys) (?:{number})(?: {_REQUEST})?\b"
        rf"|\b(?:{number}) {_REQUEST}(?= ?(?:costs?|[:=|]|are|is|sets?)(?: |$)|$)"
    )


_MANY = {1_000: "1,?000|thousand|1 ?k", 10_000: "10,?000|10 ?k"}
# "before the fix", but not "before we celebrate".
_BEFORE = (
    r"before(?! (?:we|you|i|it|lunch|noon|dinner|going|the (?:stand ?up|meeting|demo|holidays?"
    r"|weekend|review|call|launch|release notes))\b)"
)
_OF_OTHERS = (
    r"(?:medians?|means?|averages?|p[0-9]{2}|success|accuracy|numbers|figures|models?|latenc(?:y"
    r"|ies)"
    r"|costs?|prices?|report\w*|claim\w*|ha(?:d|ve)|g[eo]t|measured?)"
)
_WORDS: dict[Slot, dict[str, str]] = {
    "statistic": {
        "median": r"\b(?:medians?|med|p50|typical(?:ly)?)\b",
        "mean": r"\b(?:on average|averag(?:e|es|ed|ing)|means?|avg|arithmetic mean)\b",
        "p90": r"\bp90\b",
        "p95": r"\bp95\b",
        "p99": r"\bp99\b(?!\.)",
        "!that quantile": r"\bp(?:99\.[0-9]+|100|[1-46-8][0-9]|5[1-9]|9[1-46-8])\b|\btail\b",
        "max": r"\b(?:slowest|longest|worst(?: case)?|max(?:imum)?)\b",
        "min": r"\b(?:fastest|shortest|quickest|min(?:imum)?)\b",
        "sd": r"\b(?:standard deviation|std ?dev|stdev|std|sd)\b|σ",
        "!the sum": r"\b(?:total(?: run| wall| execution)? ?(?:time|duration)|in total|altogether"
        r"|whole (?:run|suite)|run ?time of the)\b",
    },
    "stage": {
        "e2e": r"\b(?:end to end|e2el?|overall|whole pipeline)\b",
        "~e2e": r"\b(?:(?:two|2|multi) stage pipeline|latenc(?:y|ies)"
        r"|response times?|requests?|execution time|run ?time"
        r"|turnaround|response|responses|answers?|round trip|duration)\b",
        "ttft": r"\b(?:ttft|(?:time to )?first (?:\w+ )?token)\b",
        "itl": r"\b(?:itl|inter token(?: latency)?)\b",
        "!first byte": r"\b(?:ttfo|ttfb|first (?:\w+ )?(?:byte|chunk|output)s?)\b",
        "!tokens": r"\b(?:tpot|tokens?|throughput|tok)\b",
        "!queueing": r"\b(?:queue\w*|queuing|wait(?:s|ed|ing)?|back ?off|think time|delay)\b",
        "!starting": r"\b(?:cold|warm\w*|start ?up|starts?|boot\w*|wake\w*|load(?:s|ed|ing)?"
        r"|init\w*)\b",
        "!retries": r"\b(?:retr(?:y|ies|ied|ying)|asked again|attempts?|time ?outs?|excess)\b",
        "!network": r"\b(?:network|connect\w*|tls|dns|handshake|ping|overhead|parsing"
        r"|sandbox\w*)\b",
        "!some other time": r"\b(?:build|install\w*|deploy\w*|compil\w+|grading|tests? suite|ci"
        r"|uptime|setup|training|database|sql|cache\w*|uncached|prefill|decod\w+|client|server)\b",
        "!a difference": r"\b(?:slower|faster|quicker|longer|shorter|sooner|later|saves?|saved"
        r"|savings?|shaved|adds?|added|more than|difference|over (?:its|their|the) usual|gap"
        r"|speed ?ups?|improved? by|improves by|off by)\b",
    },
    "measure": {
        "success_rate": r"\b(?:success(?:es|ful|fully)?|succe(?:ed|eds|eded|eding)|pass(?:es|ed"
        r"|ing)?|right|correct(?:ly|ness)?|solv(?:e|es|ed)|accuracy|accurate|works?|working"
        r"|solve rate)\b",
        "parsed_rate": r"\b(?:pars(?:e|es|ed|able|eable|ing)|valid python|syntactically"
        r"|valid syntax|valid code)\b",
        "error_rate": r"\b(?:error rate|errored|unanswered|failed (?:at the endpoint|there)"
        r"|(?:endpoint|server|http|request|api) (?:errors?|failures?))\b",
        "wrong": r"\b(?:wrong(?:ly)?|incorrect(?:ly)?|not (?:right|correct|solved)"
        r"|(?:do|does|did) not (?:pass|work)|unsolved)\b",
        "failed": r"\bfail(?:s|ed|ing)?\b|\bfailure rate\b",
        "failures": r"\bfailures?\b",
        "worst_class_share": r"\b(?:most frequent failure|worst (?:failure )?class"
        r"|largest failure class|most common failure)\b",
        "slow_steps": r"\bsteps? (?:was|were|is|are) slow\b|\bslow steps\b",
        "cv": r"\b(?:coefficients? of variation|cv|variance|variation|var(?:y|ies|ied) by)\b",
        "!checks": r"\b(?:checks?|assert\w*|unit tests?|coverage|test cases|lines)\b",
        "!of several tries": r"\b(?:at least (?:once|one|1)|both times|(?:every|each) time"
        r"|in (?:all|both|any) (?:of )?(?:the )?(?:[0-9]|two|three) (?:tries|times|repeats))\b",
        "!pass@k": r"\bpass ?@ ?k\b",
        **{f"pass_at_{k}": rf"\bpass ?@ ?{k}\b" for k in TRIES},
        "!load": r"\b(?:cpu|gpu|memory|utili[sz]\w+|machine time|of the (?:\w+ )?time|cache\w*"
        r"|uptime|availability|busy|hits?|tokens?|discount|budget|quota|idle)\b",
        "!a difference": r"\b(?:faster|slower|quicker|cheaper|dearer|shorter|longer|fewer|lower"
        r"|higher|less than (?:last|before)|more than (?:last|before)|improve\w*|reduc\w+|drop(?:s"
        r"|ped)?|fell|ros|gain(?:s|ed)?|increase\w*|decrease\w*|points?|pp|speed ?ups?|better|worse"
        r"|excess|than|(?:down|up)(?= (?:by|from|to|[0-9])))\b",
        "!agreement": r"\b(?:agree\w*|reviewers?|done|complete|written|progress|tickets?|tasks?"
        r"|users?|customers?|people|team|workers?|confidence|sla|tasks)\b",
    },
    "cost": {
        "cost_per_trial_usd": rf"\b(?:per|an?|each|every|one|single|of a|for each) {_REQUEST}\b"
        rf"|/ ?{_REQUEST}\b|\b{_REQUEST} costs?\b",
        "cost_per_pass_usd": rf"\b(?:per|an?|each|every|one|of a) {_RIGHT}|/ ?(?:success|pass)\b"
        r"|\bper (?:success|pass|solve|correct|right)\b",
        **{f"per_{n}": _many(words) for n, words in _MANY.items()},
        "!a bill": r"\b(?:months?|monthly|years?|yearly|days?|daily|weeks?|weekly|bill|budget|total"
        r"|whole run|in all|per (?:[0-9]+k|100|million)|[0-9,]+ (?:requests?|calls?|prompts?"
        r"|answers?))\b|/mo\b",
        "!a price": r"\b(?:hour(?:ly)?|hr|gpu|tokens?|seat|users?|per second|per minute|million"
        r"|list price|subscription|salary|revenue|saves?|saved|savings?|cheaper|dearer|input|output"
        r"|right answers cost)\b|/ ?(?:h|hr|1?m|1?k)\b",
    },
    "whose": {
        "right": r"\b(?:right|correct|passing) (?:answers?|requests?|solutions?|ones)\b",
        "!successes, which may mean right or parsed": r"\b(?:when|if|only|once|where) (?:it "
        r"|they )?(?:succe\w+|right|correct|pass\w*)|\bsuccess(?:es|ful)?\b|\bsucceed\w*",
        "!some requests only": r"\b(?:failed|failing|wrong|incorrect|retried|simple|complex|short"
        r"|(?<!as )long|longer(?! than)|large|small|trivial|concurren\w+|parallel|batch\w*"
        r"|stream\w*"
        r"|burst\w*|peak|off peak|outliers?|excluding|except|without|(?<!on a )single|under load"
        r"|weekends?"
        r"|(?:median|mean|p[0-9]{2}) of (?:the )?failures|repeat [0-9]|tries"
        r"|cold|warm|cached|first|last|second|slow|fast|some|users? at)\b",
    },
    "other": {
        "another run's figure": rf"\b(?:previous(?:ly)?|{_BEFORE}|last (?:week|month|run|time|year"
        r"|sprint|release)|yesterday|earlier|used to|baseline|old(?:er)?|formerly|prior"
        r"|was claimed|originally|initially|elsewhere|staging|prod|production|my laptop"
        rf"|competitors?|vendor\w*|industry|paper|published|benchmarks? (?:report|claim)\w*"
        rf"|(?:their|theirs|they|former) {_OF_OTHERS}"
        r"|(?:(?:an)?other|different|bigger|larger|smaller|newer|second"
        r"|public) (?:\w+ )?(?:models?|suites?"
        r"|environments?|endpoints?|providers?|machines?|gpus?|teams?|prompt sets?|runs?)"
        r"|team [a-z]|[0-9]{1,3}b (?:model|one|variant)|gpt\w*|chatgpt|claude|gemini|openai's"
        r"|llama\w*|mistral|mixtral|qwen\w*|deepseek\w*|codestral|starcoder\w*|copilot"
        r"|human ?eval|mbpp|swe bench|bigcodebench|(?:on|with) (?:an? "
        r"|the )?[abhlv][0-9]{2,4}s?)\b"
    },
}
_DID = re.compile(r" (?:was|is|took|takes|pass\w*|fail\w*|need\w*|got|ran|runs)\b")
_PLAIN_CLASSES = ("output", "memory", "timeout", "crash", "blocked", "truncated")  # words of prose
_CLASSES = {
    "missing_return": r"\bmissing returns?(?: statements?)?\b",
    "signature_mismatch": r"\b(?:wrong (?:signatures?|arguments)|signature mismatch(?:es)?)\b",
    "wrong_answer": r"\bwrong values?\b",
    "partially_wrong": r"\bpartially (?:wrong|right|correct)\b",
    "timeout": r"\b(?:are|were) (?:all )?time ?outs?\b|^time ?outs?$",
    "indentation_error": r"\b(?:indentation|missing indents?)(?: errors?)?\b",
    "type_error": r"\b(?:type errors?|mixed up types)\b",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A word in a sentence that says what a figure is of."""

    slot: Slot
    value: str
    start: int
    end: int

    @property
    def is_strong(self) -> bool:
        """Whether it names something, and is not only a word for a time in general."""
        return not self.value.startswith("~")

    @property
    def is_known(self) -> bool:
        """Whether a claim can be ruled by what it names."""
        return not self.value.startswith("!")


_DIFFICULTIES = ("easy", "medium", "hard", "edge")
_PROMPTS = "(?:prompts?|cases?|tasks?|problems?|questions?|ones)"


class Lexicon:
    """The words of the table, with those that name a run's stages, kinds of prompts and cases."""

    def __init__(self, summary: RunSummary) -> None:
        self.summary = summary
        run = summary.run
        stages = [str(stage.what) for stage in summary.latency.stages]
        planned = summary.project.settings.budget.stages
        self.stages = tuple(stages)
        self._patterns: list[tuple[Slot, str, re.Pattern[str]]] = [
            (slot, value, re.compile(pattern))
            for slot, words in _WORDS.items()
            for value, pattern in words.items()
        ]
        for stage in dict.fromkeys([*stages, *KNOWN_STAGES, *planned]):
            self._patterns.append(("stage", stage, re.compile(_stage_pattern(stage))))
        for stage, place in zip(stages, ("1|one", "2|two", "3|three"), strict=False):
            self._patterns.append(("stage", stage, re.compile(rf"\b(?:stage|step) (?:{place})\b")))
        for name in get_args(FailureClass):
            if name in _CLASSES or name not in _PLAIN_CLASSES:
                words = _CLASSES.get(name) or rf"\b{normalize(name)}s?\b"
                self._patterns.append(("class", f"class={name}", re.compile(words)))
        for rate in (*summary.answers.by_category, *summary.answers.by_difficulty):
            if words := re.escape(normalize(str(rate.group)).rstrip("s")):
                group = rate.estimate.quantity.partition(":")[2]
                self._patterns.append(("group", group, re.compile(rf"\b{words}(?:s|es)?\b")))
        for word in _DIFFICULTIES:  # of a run that has no such group, nothing is known of one
            if (group := f"difficulty={word}") not in (value for _, value, _ in self._patterns):
                self._patterns.append(("group", group, re.compile(rf"\b{word}[- ]{_PROMPTS}\b")))
        of_run = (run.run.model, run.run.hardware, run.run.endpoint, run.run.suite)
        said = normalize(" ".join(filter(None, of_run)))
        self.own = frozenset([*said.split(), *re.findall("[a-z]{2,}", said)])
        self.cases = frozenset(normalize(str(case)) for case in run.trials["case_id"].unique())

    @cached_property
    def _case(self) -> re.Pattern[str] | None:
        names = sorted(filter(None, self.cases), key=len, reverse=True)[:2_000]
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b") if names else None

    def names_a_case(self, text: str) -> bool:
        """Whether a text names a single prompt by its id, which is no plain word."""
        found = self._case.finditer(text) if self._case else ()
        return any(
            " " in match[0]
            or any(c.isdigit() for c in match[0])
            or _DID.match(text, match.end())  # a plain word, such as "factorial", took or passed
            for match in found
        )

    def marks(self, text: str) -> list[Mark]:
        """Return the words of the table in a text, from left to right; of two the longer one."""
        found = [
            Mark(slot, value, *match.span())
            for slot, value, pattern in self._patterns
            for match in pattern.finditer(text)
        ]
        names = [mark for mark in found if mark.slot in ("class", "group")]
        kept = [  # a word may be part of a name, as "wrong" is of "wrong signature"
            m
            for m in _longest(found)
            if m.slot in ("class", "group")
            or not any(name.start <= m.start and m.end <= name.end for name in names)
        ]
        return sorted(kept, key=lambda mark: (mark.start, mark.end))


def _longest(marks: Iterable[Mark]) -> Iterator[Mark]:
    taken: dict[Slot, list[Mark]] = {}
    for mark in sorted(marks, key=lambda mark: (mark.start - mark.end, not mark.is_strong)):
        same = taken.setdefault(mark.slot, [])
        if all(mark.end <= other.start or other.end <= mark.start for other in same):
            same.append(mark)
            yield mark


def _stage_pattern(stage: str) -> str:
    if stage == "code":
        return r"\bcode generation\b"
    if stage == "ir_to_code":
        return (
            r"\b(?:ir to (?:code|python|py)|code ?gen(?:eration)?(?: stage)?"
            r"|code (?:stage|step|phase|emission|synthesis))\b"
        )
    if stage == "nlp_to_ir":
        return (
            r"\b(?:(?:natural )?[a-z]+ to ir|ir (?:generation|stage|step|phase)|building the ir)\b"
        )
    return rf"\b{re.escape(normalize(stage))}\b"
