"""From equations to programs: loops, hoisting, stacked products and what to save."""

from derive.schedule.build import schedule
from derive.schedule.interpret import run_backward, run_forward
from derive.schedule.model import Loop, Program, Schedule, Simple, Stack, Statement, Step

__all__ = [
    "Loop",
    "Program",
    "Schedule",
    "Simple",
    "Stack",
    "Statement",
    "Step",
    "run_backward",
    "run_forward",
    "schedule",
]
