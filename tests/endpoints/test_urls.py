from __future__ import annotations

import pytest

from liftlab.endpoints.urls import at_root, fault_of, shown


def test_a_shown_url_has_no_query_and_no_password():
    assert shown("http://a:b@h.test:1/x?k=v#f") == "http://h.test:1/x"
    assert shown("http://[") == "(not a URL)"


def test_the_root_keeps_host_and_port():
    assert at_root("https://h.test:8/a/v1?x=1", "/health") == "https://h.test:8/health"


@pytest.mark.parametrize("url", ["http://h.test", "https://[::1]:8000/generate?a=b", "HTTP://h/"])
def test_usable_addresses(url):
    assert fault_of(url) is None


@pytest.mark.parametrize(
    "url",
    ["", "h.test", "file:///etc/passwd", "http://", "http://a b/", "http://h:port", "http://["],
)
def test_unusable_addresses(url):
    assert fault_of(url)


def test_passwords_and_queries():
    assert "token_env" in fault_of("http://u:p@h.test/")
    assert "query" in fault_of("http://h.test/?a=b", base=True)


@pytest.mark.parametrize("url", ["u:secret@h.test", "http://u:secret", "http://u:secret@[h/"])
def test_a_fault_shows_no_password(url):
    assert "secret" not in fault_of(url)


@pytest.mark.parametrize("url", ["http://user@host", "http://:secret@host", "http://u:p@host"])
def test_a_user_or_a_password_is_enough_to_refuse(url):
    assert "holds a user or password" in fault_of(url)


@pytest.mark.parametrize("tail", ["?a=1", "#top", "?a=1#top"])
def test_only_a_whole_address_may_have_a_query(tail):
    assert "cannot have a query" in fault_of(f"http://host/v1{tail}", base=True)
    assert fault_of(f"http://host/v1{tail}", base=False) is None
