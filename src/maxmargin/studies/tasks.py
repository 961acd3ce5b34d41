"""Independent pieces of a study, run in several processes and handed back as they end."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maxmargin.studies.records import Record


@dataclass(frozen=True)
class Task:
    """A function call whose result is records, and the place in the study that they are about.

    An exception does not end the study: it becomes one record of kind "failure" at the same place.
    """

    place: Record
    function: Callable[..., list[Record]]
    arguments: tuple[Any, ...]

    def __call__(self) -> list[Record]:
        """Run and return the records, each with its place."""
        try:
            records = self.function(*self.arguments)
        except Exception as error:
            records = [
                {"kind": "failure", "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
            ]
        return [self.place | record for record in records]


def run_tasks(tasks: Sequence[Task], jobs: int) -> Iterator[list[Record]]:
    """Yield the records of each task as it ends, in any order.

    Parameters
    ----------
    tasks : sequence of Task
        What to run.
    jobs : int
        Processes; large arrays are shared between them. 1 runs in this one, in order.

    Examples
    --------
    >>> list(run_tasks([Task({"split": 0}, lambda x: [{"kind": "test", "accuracy": x}], (0.5,))], jobs=1))
    [[{'split': 0, 'kind': 'test', 'accuracy': 0.5}]]
    """
    if jobs == 1:
        yield from (task() for task in tasks)
        return
    from joblib import Parallel, delayed

    parallel: Any = Parallel(jobs, return_as="generator_unordered", batch_size=1)  # pyright: ignore[reportArgumentType]
    yield from parallel(delayed(task)() for task in tasks)
