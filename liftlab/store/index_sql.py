"""The history's SQL: what a run comes to, in one row, and each of its stages in another.

The numbers are those of the pages: medians of answered requests, what liftlab's own work took left
out, a request that the client gave up longer than any; every case weighs the same in medians and
rates. Times of a simulator that was sped up count at their real length. A cost that is not known
for all is not known.
"""

from __future__ import annotations

from typing import get_args

from liftlab.records import ErrorClass, columns

VERSION = 3  # of the index: another one is made again
TABLES = ("run", "stage", "skipped", "source")

# What the history does without of a run's own row, beside its id.
_NOT_KEPT = """
    run_id sampling_seed order_seed settings_sha256 python platform clock_resolution_s
    loop_lag_p50_s loop_lag_p99_s client_cpu_share client_peak_mb
"""
_OF_RUN = {name: kind for name, kind in columns("run").items() if name not in _NOT_KEPT.split()}
_NUMBERS = """
    e2e_median_s success_rate parsed_rate cost_per_trial_usd attempts_per_trial
    prompt_tokens output_tokens
"""
_KINDS = (
    dict.fromkeys(["run_id", "own_id", "noted"], str)
    | _OF_RUN
    | dict.fromkeys(["price_id", "cases_sha256"], str)
    | dict.fromkeys(["trials", "cases", "judged", "errors"], int)
    | dict.fromkeys(_NUMBERS.split(), float)
)
_SQL_TYPES = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE"}
_TYPED = ", ".join(f'"{name}" {_SQL_TYPES[kind]}' for name, kind in _KINDS.items())
_OWN = ", ".join(f'r."{name}"' for name in _OF_RUN)
_SHOWN = ", ".join(f'"{name}"' for name in _KINDS if name not in ("own_id", "noted"))
SCHEMA = (
    f"CREATE TABLE run ({_TYPED})",
    "CREATE TABLE stage (run_id VARCHAR, stage VARCHAR, position BIGINT, median_s DOUBLE, "
    "n BIGINT, attempts DOUBLE)",
    "CREATE TABLE skipped (run_id VARCHAR, reason VARCHAR)",
    "CREATE TABLE source (run_id VARCHAR, mark VARCHAR)",
)

# What is read of each table, for many runs at once. `run` is the file's place in the list: the
# folder's name says which run that is, whatever the table itself says.
READ = {
    "trial": "case_id repeat e2e_s client_s outcome parsed cost_usd attempts",
    "stage": "case_id repeat stage position attempts latency_s client_s error_class",
    "attempt": "phase prompt_tokens output_tokens",
    "cost": "price_id",
    "run": " ".join(["run_id", *_OF_RUN]),
}
# Tables from before have no such column.
LATER = {"trial": "client_s DOUBLE", "stage": "client_s DOUBLE", "run": "left_out VARCHAR"}
ROWS = """
CREATE OR REPLACE TEMP TABLE {table}_rows AS
SELECT file_index AS run, file_row_number AS place, COLUMNS(lambda name: name IN ({columns}))
FROM read_parquet([{files}], file_row_number = true, union_by_name = true)
"""
ADD_LATER = "ALTER TABLE {table}_rows ADD COLUMN IF NOT EXISTS {later}"
NOTES = """
CREATE OR REPLACE TEMP TABLE notes AS
SELECT file_name, decode(value) AS noted FROM parquet_kv_metadata([{files}])
WHERE decode(key) = 'liftlab'
"""
NAMES = """
CREATE OR REPLACE TEMP TABLE names AS
SELECT generate_subscripts(?, 1) - 1 AS run, unnest(?) AS folder, unnest(?) AS file_name
"""

# As in `liftlab.analysis.latency`: the model did answer, if badly, as grading has it.
_NO_ANSWER = sorted(set(get_args(ErrorClass)) - {"length", "invalid_json", "schema_mismatch"})
_FAILED = f"error_class IN ({', '.join(repr(name) for name in _NO_ANSWER)})"


def _medians(rows: str, keys: str) -> str:
    """Return the medians of `seconds` by keys, every case with the same weight."""
    return f"""
    SELECT {keys}, CASE WHEN isfinite(above) THEN (upto + above) / 2
                        WHEN isfinite(upto) THEN upto END AS median_s, cases
    FROM (
        SELECT {keys}, min(seconds) FILTER (share >= 0.5 - 1e-9) AS upto,
               coalesce(min(seconds) FILTER (share > 0.5 + 1e-9), max(seconds)) AS above,
               count(DISTINCT case_id) AS cases
        FROM (
            SELECT {keys}, case_id, seconds,
                   sum(weight) OVER (PARTITION BY {keys} ORDER BY seconds)
                       / sum(weight) OVER (PARTITION BY {keys}) AS share
            FROM (
                SELECT {keys}, case_id, seconds,
                       1.0 / count(*) OVER (PARTITION BY {keys}, case_id) AS weight
                FROM ({rows}) WHERE seconds > 0
            )
        ) GROUP BY {keys}
    )"""  # noqa: S608


_ENDED = f"""
    SELECT t.run, t.case_id,
           CASE WHEN outcome IN ('pass', 'fail')
                     OR outcome = 'ungraded' AND NOT coalesce(failed, false)
                THEN e2e_s - coalesce(client_s, 0)
                WHEN late THEN 'infinity'::DOUBLE END AS seconds
    FROM trial_rows AS t LEFT JOIN (
        SELECT run, case_id, repeat, bool_or(error_class = 'deadline') AS late,
               bool_or({_FAILED}) AS failed
        FROM stage_rows WHERE error_class IS NOT NULL GROUP BY ALL
    ) USING (run, case_id, repeat)
    WHERE isfinite(e2e_s)"""  # noqa: S608
_STEPS = f"""
    SELECT run, stage, case_id,
           CASE WHEN error_class = 'deadline' THEN 'infinity'::DOUBLE
                WHEN error_class IS NULL OR NOT {_FAILED}
                THEN latency_s - coalesce(client_s, 0) END AS seconds
    FROM stage_rows WHERE isfinite(latency_s)"""  # noqa: S608

ADD_RUNS = f"""
INSERT INTO run
WITH cases AS (
    SELECT run, count(*) AS cases,
           sha256(string_agg(case_id, chr(10) ORDER BY case_id)) AS cases_sha256
    FROM (SELECT DISTINCT run, case_id FROM trial_rows) GROUP BY run
), times AS (
    {_medians(_ENDED, "run")}
), rates AS (
    SELECT run, avg(success) AS success_rate, avg(parsed) AS parsed_rate FROM (
        SELECT run, case_id,
               count(*) FILTER (outcome = 'pass')
                   / nullif(count(*) FILTER (outcome IN ('pass', 'fail')), 0) AS success,
               count(*) FILTER (parsed AND outcome <> 'error')
                   / nullif(count(*) FILTER (parsed IS NOT NULL AND outcome <> 'error'), 0)
                   AS parsed
        FROM trial_rows GROUP BY ALL
    ) GROUP BY run
), counts AS (
    SELECT run, count(*) AS trials,
           count(*) FILTER (outcome IN ('pass', 'fail')) AS judged,
           count(*) FILTER (outcome = 'error') AS errors,
           CASE WHEN count(cost_usd) = count(*) THEN avg(cost_usd) END AS cost_usd,
           avg(attempts) AS attempts
    FROM trial_rows GROUP BY run
), tokens AS (
    SELECT run, avg(prompt_tokens) AS prompt_tokens, avg(output_tokens) AS output_tokens
    FROM attempt_rows WHERE phase = 'measure' GROUP BY run
), prices AS (
    SELECT run, arg_min(price_id, place) AS price_id FROM cost_rows GROUP BY run
)
SELECT folder, r.run_id, noted, {_OWN}, price_id, cases_sha256, coalesce(trials, 0),
       coalesce(cases.cases, 0), coalesce(judged, 0), coalesce(errors, 0),
       times.median_s * coalesce(r.time_scale, 1), success_rate, parsed_rate, cost_usd,
       counts.attempts, prompt_tokens, output_tokens
FROM run_rows AS r JOIN names USING (run) LEFT JOIN notes USING (file_name)
LEFT JOIN times USING (run) LEFT JOIN counts USING (run) LEFT JOIN tokens USING (run)
LEFT JOIN prices USING (run) LEFT JOIN cases USING (run) LEFT JOIN rates USING (run)
"""  # noqa: S608

ADD_STAGES = f"""
INSERT INTO stage
WITH steps AS (
    SELECT run, stage, min(position) AS position, sum(attempts) / count(*) AS attempts
    FROM stage_rows GROUP BY ALL
), times AS (
    {_medians(_STEPS, "run, stage")}
)
SELECT folder, steps.stage, position, median_s * coalesce(time_scale, 1), coalesce(cases, 0),
       steps.attempts
FROM steps LEFT JOIN times USING (run, stage) JOIN names USING (run) JOIN run_rows USING (run)
"""  # noqa: S608

ALL_RUNS = f"""
SELECT {_SHOWN}, json_extract_string(noted, '$.judged_by') AS judged_by
FROM run ORDER BY started_at NULLS FIRST, run_id
"""  # noqa: S608
ALL_STAGES = "SELECT * FROM stage ORDER BY run_id, position, stage"
