"""The tests mirror the tree; conformance/ walks the registry, browser/ drives the real app in Chromium."""

from tests import typed as typed
