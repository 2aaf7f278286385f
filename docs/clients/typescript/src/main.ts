// A client of batchport in TypeScript: it submits a job, watches it, lists which
// items failed and why, tries those again, and fetches a file.
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { client } from "./batchport/client.gen.js";
import {
  getJob,
  type ItemFailure,
  type Job,
  listJobFailures,
  listJobs,
  type Problem,
  retryJob,
  submitEstateBatchOpenRent,
  submitEstateExport,
} from "./batchport/index.js";

client.setConfig({
  baseUrl: process.env["BATCHPORT_SERVER"] ?? "http://127.0.0.1:8080",
  auth: () => process.env["BATCHPORT_KEY"],
  headers: { locale: "en_US" },
});

// Submit. Sent again with the same idempotency key, as after an answer that was
// lost, it is the same job.
const submitted = await submitEstateBatchOpenRent({
  body: { ids: [100001, 100002, 7] },
  headers: { "Idempotency-Key": "ts-example-1" },
});
if (!submitted.data) throw refused(submitted.error);
const job = await watch(submitted.data.code);
console.log(`${job.result}: ${job.outcomes.failed} of ${job.total} items failed`);

// Why.
for (const f of await failuresOf(job.code)) {
  console.log(`item ${f.index}, estate ${f.key}: ${f.code}: ${f.message}`);
}

// Try those again, once what was wrong is mended.
const retried = await retryJob({ path: { code: job.code } });
if (!retried.data) throw refused(retried.error);
const again = await watch(retried.data.code);
console.log(`again, ${again.result}: ${again.outcomes.failed} of ${again.total} items failed`);

// Which jobs there are.
const listed = await listJobs({ query: { result: ["partially_failed", "failed"] } });
if (!listed.data) throw refused(listed.error);
for (const j of listed.data.jobs) {
  console.log(`listed: ${j.kind}, ${j.result}`);
}

// Export, and fetch the file. Its link works without a key, for a day.
const exporting = await submitEstateExport({ body: { ids: [100001, 100002] } });
if (!exporting.data) throw refused(exporting.error);
const exported = await watch(exporting.data.code);
if (!exported.file) throw new Error(exported.message ?? "no file");
const file = await fetch(exported.file.url);
if (!file.ok) throw new Error(file.statusText);
await writeFile("estates.xlsx", Buffer.from(await file.arrayBuffer()));
console.log(`exported: ${exported.outcomes.exported} estates`);

try {
  await watch("0");
} catch (error) {
  console.log("refused:", error instanceof Error ? error.message : error);
}

// watch asks how far a job is until it has ended.
async function watch(code: string): Promise<Job> {
  for (;;) {
    const { data, error } = await getJob({ path: { code } });
    if (!data) throw refused(error);
    if (data.result !== null) return data;
    await sleep(500);
  }
}

// failuresOf returns why items failed, page by page.
async function failuresOf(code: string): Promise<ItemFailure[]> {
  const all: ItemFailure[] = [];
  for (let after: number | null = -1; after !== null; ) {
    const page: Awaited<ReturnType<typeof listJobFailures>> = await listJobFailures({ path: { code }, query: { after } });
    if (!page.data) throw refused(page.error);
    all.push(...page.data.failures);
    after = page.data.next;
  }
  return all;
}

// refused is why a request was not done: programs go by the code.
function refused(problem: Problem | undefined): Error {
  return new Error(problem ? `${problem.status} ${problem.code}: ${problem.detail}` : "no answer");
}
