"""Tests that run under trial, as those of an application may."""
