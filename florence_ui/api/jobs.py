"""Endpoints for long calls: `/start_many` starts a job, `/job_status` reports its progress, `/job_result` returns its
result, `/cancel_job` ends it. The job's id is all that a caller needs.
"""

import asyncio
from functools import partial
from typing import Any

from gradio.data_classes import FileData

from florence_ui.api.many import job_of, run_job
from florence_ui.api.registration import QUESTION, Endpoints, Field
from florence_ui.api.values import file_data
from florence_ui.exports.formats import FORMATS
from florence_ui.visitors.jobs import JobState
from florence_ui.visitors.service import Services

endpoints = Endpoints()


@endpoints.add(
    "images", *QUESTION, "image_urls", "file_format", "validation",
    file_format=Field(
        str, "", "A file to take the answers away in, as export makes it; empty for none.", FORMATS
    ),
)  # fmt: skip
async def start_many(services: Services, **posted: object) -> dict[str, Any]:
    """Start asking Florence-2 the same about up to 200 pictures, and get a job_id at once.

    Ask job_status how far it has come, and job_result for the answers when its state is done. cancel_job ends it.
    A job that nobody asks about for an hour ends and is forgotten.

    Returns:
        The job: job_id, state (running), done, total and detail.
    """
    work = job_of(services, **posted)
    job = services.jobs.start(partial(run_job, services, work), kept=True, total=len(work.batch.items))
    return job.record()


@endpoints.add("job_id")
async def job_status(services: Services, job_id: object) -> dict[str, Any]:
    """See how far a job has come. It is answered at once, so wait a few seconds before you ask again.

    Returns:
        The job: job_id, state (running, done or failed), done, total, and detail in words.
    """
    return services.jobs.find(job_id).record()


@endpoints.add("job_id")
async def job_result(services: Services, job_id: object) -> tuple[FileData | None, dict[str, Any]]:
    """Take the result of a job whose state is done. It may be taken again for an hour.

    Returns:
        The file, if one was asked for.
        The answer of the call, such as how many are done and failed, and each picture's answer.
    """
    file, record = await asyncio.to_thread(services.jobs.find(job_id).output)
    return file_data(file), record


@endpoints.add("job_id")
async def cancel_job(services: Services, job_id: object) -> dict[str, Any]:
    """End a job, whether it is running or done; what it found so far is gone.

    Returns:
        The job: job_id, state (cancelled), done and total as far as it had come.
    """
    job = services.jobs.find(job_id)
    services.jobs.end(job)
    return job.record() | {"state": JobState.CANCELLED.value}
