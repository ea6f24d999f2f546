"""The history's SQL: what a run comes to, in one row, and each of its stages in another.

A case counts once, by the median of its repeats, as everywhere. Times of a simulator that was
sped up count at their real length. A rate or a cost that is not known for all is not known.
"""

from __future__ import annotations

VERSION = 2  # of the index: another one is made again
TABLES = ("run", "stage", "skipped", "source")

# Columns of a run's own row that the history keeps.
RUN_COLUMNS = (
    "suite",
    "suite_sha256",
    "pipeline",
    "pipeline_sha256",
    "endpoint",
    "protocol",
    "model",
    "hardware",
    "temperature",
    "top_p",
    "max_tokens",
    "sampling_extra",
    "left_out",
    "started_at",
    "finished_at",
    "status",
    "load",
    "concurrency",
    "rate_rps",
    "repeats",
    "time_scale",
    "liftlab_version",
    "git_commit",
    "timing_uncertainty_s",
    "provenance",
)
_WHOLE = ("max_tokens", "concurrency", "repeats")
_FLOATS = ("temperature", "top_p", "rate_rps", "time_scale", "timing_uncertainty_s")
_NUMBERS = (
    "e2e_median_s",
    "success_rate",
    "parsed_rate",
    "cost_per_trial_usd",
    "attempts_per_trial",
    "prompt_tokens",
    "output_tokens",
)
_COUNTS = ("trials", "cases", "judged", "errors")


def _type(name: str) -> str:
    if name in _WHOLE + _COUNTS:
        return "BIGINT"
    return "DOUBLE" if name in _FLOATS + _NUMBERS else "VARCHAR"


_COLUMNS = (
    "run_id",
    "own_id",
    "noted",
    *RUN_COLUMNS,
    "price_id",
    "cases_sha256",
    *_COUNTS,
    *_NUMBERS,
)
_TYPED = ", ".join(f'"{name}" {_type(name)}' for name in _COLUMNS)
_NAMES = ", ".join(f'"{name}"' for name in RUN_COLUMNS)
_OWN = ", ".join(f'r."{name}"' for name in RUN_COLUMNS)
_SHOWN = ", ".join(f'"{name}"' for name in _COLUMNS if name not in ("own_id", "noted"))
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
    "trial": "case_id, e2e_s, outcome, parsed, cost_usd, attempts",
    "stage": "case_id, stage, position, attempts, latency_s",
    "attempt": "phase, prompt_tokens, output_tokens",
    "cost": "file_row_number AS place, price_id",
    "run": f"run_id, {_NAMES}",
}
ROWS = """
CREATE OR REPLACE TEMP TABLE {table}_rows AS
SELECT file_index AS run, {columns} FROM read_parquet([{files}], file_row_number = true)
"""
NOTES = """
CREATE OR REPLACE TEMP TABLE notes AS
SELECT file_name, decode(value) AS noted FROM parquet_kv_metadata([{files}])
WHERE decode(key) = 'liftlab'
"""
NAMES = """
CREATE OR REPLACE TEMP TABLE names AS
SELECT generate_subscripts(?, 1) - 1 AS run, unnest(?) AS folder, unnest(?) AS file_name
"""

_FINITE = "{0} > 0 AND isfinite({0})"

ADD_RUNS = f"""
INSERT INTO run
WITH by_case AS (
    SELECT run, case_id, median(e2e_s) FILTER ({_FINITE.format("e2e_s")}) AS e2e_s
    FROM trial_rows GROUP BY ALL
), times AS (
    SELECT run, median(e2e_s) AS e2e_s, count(*) AS cases,
           sha256(string_agg(case_id, chr(10) ORDER BY case_id)) AS cases_sha256
    FROM by_case GROUP BY run
), verdicts AS (
    SELECT run, count(*) AS trials,
           count(*) FILTER (outcome IN ('pass', 'fail')) AS judged,
           count(*) FILTER (outcome = 'error') AS errors,
           count(*) FILTER (outcome = 'pass') / nullif(judged, 0) AS success_rate,
           count(*) FILTER (parsed AND outcome <> 'error')
               / nullif(count(*) FILTER (parsed IS NOT NULL AND outcome <> 'error'), 0)
               AS parsed_rate,
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
       coalesce(cases, 0), coalesce(judged, 0), coalesce(errors, 0),
       times.e2e_s * coalesce(r.time_scale, 1), success_rate, parsed_rate, cost_usd,
       verdicts.attempts, prompt_tokens, output_tokens
FROM run_rows AS r JOIN names USING (run) LEFT JOIN notes USING (file_name)
LEFT JOIN times USING (run) LEFT JOIN verdicts USING (run) LEFT JOIN tokens USING (run)
LEFT JOIN prices USING (run)
"""  # noqa: S608

ADD_STAGES = f"""
INSERT INTO stage
WITH by_case AS (
    SELECT run, stage, case_id, min(position) AS position, sum(attempts) AS attempts,
           count(*) AS rows, median(latency_s) FILTER ({_FINITE.format("latency_s")}) AS latency_s
    FROM stage_rows GROUP BY ALL
)
SELECT folder, stage, min(position), median(latency_s) * coalesce(any_value(time_scale), 1),
       count(latency_s), sum(attempts) / sum(rows)
FROM by_case JOIN names USING (run) JOIN run_rows USING (run) GROUP BY folder, stage
"""  # noqa: S608

ALL_RUNS = f"""
SELECT {_SHOWN}, json_extract_string(noted, '$.judged_by') AS judged_by
FROM run ORDER BY started_at NULLS FIRST, run_id
"""  # noqa: S608
ALL_STAGES = "SELECT * FROM stage ORDER BY run_id, position, stage"
