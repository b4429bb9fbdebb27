import { startFakeRegistry } from "../../fakes/registry.ts";
import { runScenarioJob } from "./driver.ts";

// The registry of the recording is plain HTTP on port 80, under several names of this machine.
const registry = await startFakeRegistry({ port: 80 });
await runScenarioJob(process.argv[2] ?? "", process.argv[3] ?? "");
await registry.close();
