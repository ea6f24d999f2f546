"""Endpoints: one small adapter a protocol, each turns a Request into a Reply."""
