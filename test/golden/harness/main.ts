import { readFileSync, writeFileSync } from "node:fs";
import { startFakeRegistry } from "../../fakes/registry.ts";
import { runScenarioJob } from "./driver.ts";
import { runCaseJob } from "./error-case.ts";
import type { CaseJob, Job } from "./job.ts";

// Files name the job and the result. The registry of the recording is plain HTTP on port 80,
// under several names of this machine.
const [, , jobFile = "", resultFile = ""] = process.argv;
process.umask(0o022);
await startFakeRegistry({ port: 80 });
const job = JSON.parse(readFileSync(jobFile, "utf8")) as Job | CaseJob;
const result = await ("scenario" in job ? runScenarioJob(job) : runCaseJob(job));
writeFileSync(resultFile, JSON.stringify(result));
process.exit(0);
