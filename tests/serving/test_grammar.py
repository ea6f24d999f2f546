from __future__ import annotations

import json

from liftlab.serving.grammar import for_grammar, lighten, mismatch, schema_fault


def test_slow_keywords_go_at_every_depth() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "array", "maxItems": 9, "items": {"type": "string", "pattern": "x*"}},
            "b": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        },
        "$defs": {"c": {"type": "string", "format": "date"}},
    }
    assert lighten(schema) == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "string"}},
            "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "$defs": {"c": {"type": "string"}},
    }
    assert schema["properties"]["a"]["maxItems"] == 9


def test_properties_and_data_that_are_named_like_keywords_stay() -> None:
    schema = {
        "properties": {"pattern": {"type": "string"}, "maxLength": {"enum": [{"format": 1}]}},
        "required": ["pattern", "maxLength"],
    }
    assert lighten(schema) == schema


def test_the_decoder_is_held_to_one_line() -> None:
    assert for_grammar({})["x-guidance"]["whitespace_flexible"] is False


def test_mismatch_is_one_line_that_names_the_place() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 2}}}
    assert mismatch({"a": "ab"}, schema) is None
    assert mismatch({"a": "a\nbc"}, schema) == "$.a: 'a\\nbc' is too long"
    assert len(mismatch({"a": "x" * 9999}, schema) or "") <= 300


def test_schema_that_points_elsewhere_is_never_fetched() -> None:
    schema = {"$ref": "http://127.0.0.1:9/schema.json"}
    assert "which is not in it" in (mismatch(1, schema) or "")


def test_faulty_schema_is_told() -> None:
    assert schema_fault(json.loads('{"type": "object"}')) is None
    assert (schema_fault({"type": "bogus"}) or "").startswith("$.type:")
