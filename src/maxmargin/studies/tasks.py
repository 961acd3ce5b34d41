"""Independent pieces of a study, run in several processes and handed back as they end."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from maxmargin._checks import InputError
from maxmargin.studies.records import Record


@dataclass(frozen=True)
class Task:
    """A function call whose result is records, and the place in the study that they are about.

    An exception does not end the study: it becomes one record of kind "failure" at the same place.
    It runs on one thread: small products are slower on more, and the number of jobs changes no number.
    """

    place: Record
    function: Callable[..., list[Record]]
    arguments: tuple[Any, ...]

    def __call__(self) -> list[Record]:
        """Run and return the records, each with its place."""
        from threadpoolctl import threadpool_limits

        try:
            with threadpool_limits(1):
                records = self.function(*self.arguments)
        except Exception as error:
            records = [
                {"kind": "failure", "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
            ]
        return [self.place | record for record in records]


def run_tasks(tasks: Sequence[Task], jobs: int) -> Generator[list[Record], None, None]:
    """Yield the records of each task as it ends, in any order.

    Parameters
    ----------
    tasks : sequence of Task
        What to run.
    jobs : int
        Processes; large arrays are shared between them. 1 runs in this one, in order.

    Raises
    ------
    InputError
        If a process is killed, as the system does where memory runs out.

    Examples
    --------
    >>> list(run_tasks([Task({"split": 0}, lambda x: [{"kind": "test", "accuracy": x}], (0.5,))], jobs=1))
    [[{'split': 0, 'kind': 'test', 'accuracy': 0.5}]]
    """
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        yield from (task() for task in tasks)
        return
    from concurrent.futures.process import BrokenProcessPool

    from joblib import Parallel, delayed

    options: dict[str, Any] = {"initializer": _end_with, "initargs": (os.getpid(),)}
    parallel: Any = Parallel(jobs, return_as="generator_unordered", batch_size=1, **options)  # pyright: ignore[reportArgumentType]
    outputs = parallel(delayed(task)() for task in tasks)
    try:
        while (records := _next(outputs)) is not None:  # "yield from" would close the outputs unguarded
            yield records
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process was killed, as happens where memory runs out; "
            "use fewer processes with --jobs or fewer rows with --max-samples"
        ) from error
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib warns of the tasks that it gives up, as is wanted
            outputs.close()


def _next(outputs: Any) -> list[Record] | None:
    with warnings.catch_warnings():
        # A process whose fits have left much memory behind is replaced, as is wanted.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
        return next(outputs, None)


def _end_with(parent: int) -> None:
    """End this process within a second of its parent, which when killed cannot tell its workers to end.

    An interrupt from the keyboard reaches the whole group: the parent alone answers it, and ends its workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
