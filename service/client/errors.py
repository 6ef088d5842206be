"""The errors of the client."""

from __future__ import annotations

from service.http.problems import Problem


class ServiceError(Exception):
    """The service replied with an error. ``problem`` is its reply, ``code`` for programs."""

    def __init__(self, problem: Problem, retry_after_s: float | None) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem
        self.status = problem.status
        self.code = problem.code
        self.retry_after_s = retry_after_s


class ServiceUnreachable(Exception):
    """There was no reply, or one that is not Vitrine's."""
