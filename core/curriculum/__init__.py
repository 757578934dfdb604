"""Which topics five courses teach, what of Glassnet teaches them, and a search over both."""

from core.curriculum.search import Result, search
from core.curriculum.topics import COURSES, PLANNED, TOPICS, Coverage, Link, Topic, coverage

__all__ = ["COURSES", "PLANNED", "TOPICS", "Coverage", "Link", "Result", "Topic", "coverage", "search"]
