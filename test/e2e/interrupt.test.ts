import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import {
  buildJson,
  leftovers,
  needs,
  packageFile,
  type Person,
  processesWith,
  removeAll,
  scratchDirectory,
  self,
  startTspack,
  tspack,
} from "./tspack.ts";

let person: Person;
let directory = "";

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("interrupt");
  await makeScriptedBuilder(person, join(directory, "builder"));
});
afterAll(() => {
  removeAll(directory);
});

const ways = [
  { sandbox: "bubblewrap", ...needs("bwrap") },
  { sandbox: "unshare", ...needs("unshare") },
] as const;

describe.each(ways)("Ctrl-C with $sandbox $note", ({ sandbox, skip }) => {
  // Sleepers are found by a number that nothing else has.
  const duration = String(700_000 + process.pid + (sandbox === "unshare" ? 1_000_000 : 0));
  const sleep = `trap '' INT TERM HUP; echo sleeping; sleep ${duration} & sleep ${duration}`;

  it.skipIf(skip).each([
    ["detect", { detect: sleep, build: "true" }],
    ["build", { build: sleep }],
  ] as const)("while a buildpack ignores it in %s", async (phase, scripts) => {
    const app = scriptedApp(join(directory, `${phase}-${sandbox}`), scripts);
    const args = ["build", `e2e/interrupted-${sandbox}`, "--path", app, "--builder", scriptedBuilder];
    const running = startTspack(person, [...args, "--sandbox", sandbox, "--verbose"]);
    await until(() => processesWith(`sleep\0${duration}`).length > 1, running.done);
    const began = performance.now();
    running.child.kill("SIGINT");
    const { code, stderr } = await running.done;
    expect(performance.now() - began).toBeLessThan(5000);
    expect(code).toBe(130);
    expect(stderr).toMatch(/Canceled\.\n$/);
    expect(processesWith(duration)).toEqual([]);
    expect(leftovers(person)).toEqual([]);
    expect((await tspack(person, ["images", "rm", `e2e/interrupted-${sandbox}`])).code).toBe(1);
  });

  it.skipIf(skip)("and even SIGKILL takes the sandbox along; what it leaves goes with the next build", async () => {
    const app = scriptedApp(join(directory, `killed-${sandbox}`), { build: sleep });
    const args = ["build", `e2e/killed-${sandbox}`, "--path", app, "--builder", scriptedBuilder, "--sandbox", sandbox];
    const running = startTspack(person, args);
    await until(() => processesWith(`sleep\0${duration}`).length > 1, running.done);
    running.child.kill("SIGKILL");
    await running.done;
    await until(() => processesWith(duration).length === 0, new Promise(() => {}));
    expect(readdirSync(join(person.home, "data/builds"))).toHaveLength(1);
    await buildJson(person, [
      "e2e/after",
      "--path",
      scriptedApp(join(directory, "after"), { build: "true" }),
      "--builder",
      scriptedBuilder,
    ]);
    expect(leftovers(person)).toEqual([]);
  });
});

describe("Ctrl-C at any moment", () => {
  it("leaves nothing half-written, and the next build is the same as if nothing had been", async () => {
    const build = `mkdir -p "$CNB_LAYERS_DIR/data"; for i in $(seq 40); do seq $i 20000 > "$CNB_LAYERS_DIR/data/$i"; done
      printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/data.toml"`;
    const app = scriptedApp(join(directory, "any-moment"), { build });
    const args = (name: string): readonly string[] => [name, "--path", app, "--builder", scriptedBuilder];
    const began = performance.now();
    const whole = await buildJson(person, args("e2e/undisturbed"));
    const duration = performance.now() - began;

    const codes = new Set<number>();
    const moments = 12;
    for (let moment = 1; moment <= moments; moment += 1) {
      await tspack(person, ["images", "rm", "e2e/disturbed"]);
      const running = startTspack(person, ["build", ...args("e2e/disturbed"), "--clear-cache"]);
      await new Promise((resolve) => setTimeout(resolve, (duration * moment) / (moments - 1)));
      running.child.kill("SIGINT");
      const { code, stdout, stderr } = await running.done;
      codes.add(code);
      // It was canceled, or it had finished; nothing in between.
      expect([130, 0, -2]).toContain(code);
      expect(stderr).not.toContain("internal error");
      expect(leftovers(person)).toEqual([]);
      const image = await tspack(person, ["inspect", "--json", "e2e/disturbed"]);
      if (code === 0) expect(stdout).toContain(whole.digest);
      if (image.code === 0) expect(JSON.parse(image.stdout)).toMatchObject({ digest: whole.digest });
      expectWholeStore(person);
    }
    expect(codes).toContain(130);
    expect((await buildJson(person, args("e2e/disturbed"))).digest).toBe(whole.digest);
  });
});

describe("two builds of one image at once", () => {
  it("both succeed with the same image, and so do other images beside them", async () => {
    const path = packageFile("samples/node-hello");
    const expected = await buildJson(person, ["e2e/alone", "--path", path]);
    const names = ["e2e/same", "e2e/same", "e2e/other", "e2e/same"];
    const built = await Promise.all(names.map((name) => buildJson(person, [name, "--path", path, "--clear-cache"])));
    expect(built.map(({ digest }) => digest)).toEqual(names.map(() => expected.digest));
    expect(leftovers(person)).toEqual([]);
    expectWholeStore(person);
    const again = await buildJson(person, ["e2e/same", "--path", path]);
    expect(again.digest).toBe(expected.digest);
    expect(again.restored.filter(({ from }) => from === "cache").length).toBeGreaterThan(0);
  });
});

/** Every blob that the local store's index leads to is there. */
function expectWholeStore({ home }: Person): void {
  const store = join(home, "data/images");
  const blob = (digest: string): string => join(store, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(readFileSync(join(store, "index.json"), "utf8")) as { manifests: { digest: string }[] };
  for (const { digest } of index.manifests) {
    const manifest = JSON.parse(readFileSync(blob(digest), "utf8")) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    const missing = [manifest.config, ...manifest.layers].filter((part) => !existsSync(blob(part.digest)));
    expect(missing).toEqual([]);
  }
}

async function until(holds: () => boolean, done: Promise<{ readonly stderr: string }>): Promise<void> {
  let ended: string | undefined;
  void done.then(({ stderr }) => (ended = stderr));
  while (!holds()) {
    if (ended !== undefined) throw new Error(`it ended too early: ${ended}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
