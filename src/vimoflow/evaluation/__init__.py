"""Metrics, benchmarks, studies and reports."""
