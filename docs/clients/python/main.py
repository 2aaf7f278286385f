"""A client of batchport in Python: it submits a job, watches it, lists which
items failed and why, tries those again, and fetches a file."""

import os
import time
import urllib.request

import batchport_client as batchport


def main() -> None:
    configuration = batchport.Configuration(
        host=os.environ.get("BATCHPORT_SERVER", "http://127.0.0.1:8080"),
        access_token=os.environ["BATCHPORT_KEY"],
    )
    with batchport.ApiClient(configuration) as client:
        client.set_default_header("locale", batchport.Locale.EN_US.value)
        run(batchport.JobsApi(client))


def run(jobs: batchport.JobsApi) -> None:
    # Submit. Sent again with the same idempotency key, as after an answer that
    # was lost, it is the same job.
    submitted = jobs.submit_estate_batch_open_rent(
        batchport.OpenRentRequest(ids=[100001, 100002, 7]), idempotency_key="py-example-1"
    )
    job = watch(jobs, submitted.code)
    print(f"{result(job)}: {job.outcomes.failed} of {job.total} items failed")

    # Why.
    for f in failures_of(jobs, job.code):
        print(f"item {f.index}, estate {f.key}: {f.code}: {f.message}")

    # Try those again, once what was wrong is mended.
    again = watch(jobs, jobs.retry_job(job.code).code)
    print(f"again, {result(again)}: {again.outcomes.failed} of {again.total} items failed")

    # Which jobs there are.
    for j in jobs.list_jobs(result=[batchport.JobResult.PARTIALLY_FAILED, batchport.JobResult.FAILED]).jobs:
        print(f"listed: {j.kind}, {result(j)}")

    # Export, and fetch the file. Its link works without a key, for a day.
    exporting = jobs.submit_estate_export(batchport.EstateExportRequest(ids=[100001, 100002]))
    exported = watch(jobs, exporting.code)
    if exported.file is None:
        raise RuntimeError(exported.message)
    urllib.request.urlretrieve(exported.file.url, "estates.xlsx")
    print(f"exported: {exported.outcomes.exported} estates")

    try:
        watch(jobs, "0")
    except batchport.ApiException as refused:
        # Programs go by the code.
        problem = refused.data
        if not isinstance(problem, batchport.Problem):
            raise
        print(f"refused: {problem.status} {problem.code}: {problem.detail}")


def watch(jobs: batchport.JobsApi, code: str) -> batchport.Job:
    """Ask how far a job is until it has ended."""
    while (job := jobs.get_job(code)).result is None:
        time.sleep(0.5)
    return job


def result(job: batchport.Job) -> str:
    """Say how a job ended."""
    return job.result.value if job.result else "not ended"


def failures_of(jobs: batchport.JobsApi, code: str) -> list[batchport.ItemFailure]:
    """Return why items failed, page by page."""
    found: list[batchport.ItemFailure] = []
    after: int | None = -1
    while after is not None:
        page = jobs.list_job_failures(code, after=after)
        found += page.failures
        after = page.next
    return found


if __name__ == "__main__":
    main()
