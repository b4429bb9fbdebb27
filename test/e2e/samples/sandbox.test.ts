import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { layoutStore } from "../../../lifecycle/stores/layout/layout-store.ts";
import { type Person, needs, startTspack } from "../tspack.ts";
import { describeSamples, type SampleImage, type StartedSample } from "./every-sample.ts";
import { readRows, table } from "./rows.ts";

const tools = needs("bwrap");

describe.skipIf(tools.skip)(`every sample, built and run in the sandbox${tools.note}`, () => {
  afterAll(() => {
    process.stdout.write(`\n${table(readRows())}\n`);
  });
  describeSamples({ name: "sandbox", said: /^sandbox/, args: ["--runner", "sandbox"], env: () => ({}), image, start });
});

async function image(person: Person, name: string): Promise<SampleImage> {
  const found = await layoutStore(join(person.home, "data/images")).resolve(parseReference(name));
  if (found === undefined) throw new Error(`there is no image ${name}`);
  const [config, manifest] = [await found.config(), await found.manifest()];
  const size = manifest.value.layers.reduce((sum, layer) => sum + layer.size, 0);
  return { diffIds: config.value.rootfs.diff_ids, config: config.value.config ?? {}, size };
}

function start(person: Person, name: string, port: number): StartedSample {
  const running = startTspack(person, ["run", "-e", `PORT=${port}`, name]);
  const stop = async (): Promise<void> => {
    running.child.kill("SIGINT");
    await running.done;
  };
  return { done: running.done, stop };
}
