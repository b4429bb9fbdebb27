import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Library from "../../lifecycle/index.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import {
  environment,
  leftovers,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  succeed,
} from "./tspack.ts";

const sandbox = needs("bwrap");

describe.skipIf(sandbox.skip)(`the library${sandbox.note}`, () => {
  let library: typeof Library;
  let person: Person;
  let directory = "";
  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("library");
    await makeScriptedBuilder(person, join(directory, "builder"));
    // As whoever installed the package gets it.
    library = (await import(pathToFileURL(packageFile("dist/index.js")).href)) as typeof Library;
  });
  afterAll(() => removeAll(directory));

  const say = (text: string): string =>
    `echo ${text}; printf '[[processes]]\\ntype = "web"\\ncommand = ["echo", "${text}"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"\n`;
  const request = (name: string, script: string): Library.BuildRequest => ({
    names: [`e2e/library-${name}`],
    path: scriptedApp(join(directory, name), { build: script }),
    builder: scriptedBuilder,
  });

  it("builds several images at a time, each with its own events, one of them aborted", async () => {
    const aborter = new AbortController();
    const seen = new Map<string, Library.BuildEvent[]>();
    const build = (name: string, script: string, signal?: AbortSignal): Promise<Library.BuildResult> => {
      const events: Library.BuildEvent[] = [];
      seen.set(name, events);
      const onEvent = (event: Library.BuildEvent): void => {
        events.push(event);
        if (event.type === "output" && event.line === "waiting") aborter.abort();
      };
      return library.build(request(name, script), { env: environment(person), onEvent, signal });
    };
    const [one, two, aborted] = await Promise.allSettled([
      build("one", say("one")),
      build("two", say("two")),
      build("three", "echo waiting; sleep 600", aborter.signal),
    ]);
    expect([one.status, two.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(aborted).toMatchObject({ status: "rejected", reason: { code: "CANCELED" } });
    for (const name of ["one", "two"]) {
      const lines = seen.get(name)?.flatMap((event) => (event.type === "output" ? [event.line] : [])) ?? [];
      expect(lines.filter((line) => ["one", "two", "waiting"].includes(line))).toEqual([name]);
      expect(seen.get(name)?.at(-1)).toMatchObject({ type: "finished", image: `e2e/library-${name}` });
    }
    expect(seen.get("three")?.at(-1)).toMatchObject({ type: "failed", code: "CANCELED" });
    expect(leftovers(person)).toEqual([]);
  });

  it("does what the command line does: the same digest, the same inspection, a rebase", async () => {
    const env = environment(person);
    const built = await library.build(request("four", say("four")), { env });
    const args = ["--path", join(directory, "four"), "--builder", scriptedBuilder, "--quiet"];
    const { stdout } = await succeed(person, ["build", "e2e/library-cli", ...args]);
    expect(stdout).toBe(`e2e/library-cli@${built.digest}\n`);
    const image = "e2e/library-four";
    const inspection = await library.inspect({ image }, { env });
    expect(inspection).toEqual(JSON.parse((await succeed(person, ["inspect", "--json", image])).stdout));
    const rebased = await library.rebase({ image }, { env });
    expect(rebased).toMatchObject({ image: `${image}:latest`, digest: built.digest, layersSent: 0 });
  });

  it("throws errors with codes, of the same class as it exports", async () => {
    const failing = library.inspect({ image: "Not A Name" }, { env: environment(person) });
    await expect(failing).rejects.toBeInstanceOf(library.InputError);
    const wrong = library.build({ names: ["x"], creationTime: "soon" }, { env: environment(person) });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_ARGUMENTS", issues: [{ source: "--creation-time" }] });
    await expect(library.build({ names: ["x"] }, { env: {} })).rejects.toMatchObject({ code: "INVALID_ENV" });
  });
});
