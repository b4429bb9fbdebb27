import { beforeAll, describe, expect, it } from "vitest";
import { ask, freePort } from "./http.ts";
import { readExpectation } from "./samples.ts";
import {
  buildJson,
  isRoot,
  leftovers,
  needs,
  ordinary,
  packageFile,
  type Person,
  self,
  startTspack,
  succeed,
  tspack,
} from "./tspack.ts";

const bubblewrap = needs("bwrap");
const unshare = needs("unshare");
const ways = [
  { sandbox: "bubblewrap", skip: bubblewrap.skip, title: `bubblewrap${bubblewrap.note}` },
  { sandbox: "unshare", skip: unshare.skip, title: `unshare${unshare.note}` },
] as const;
// The second person is an ordinary user only where root can become one.
const people = [
  { who: isRoot ? "root" : "this user", open: self, skip: false },
  { who: `an ordinary user${isRoot ? "" : " (skipped: needs root)"}`, open: ordinary, skip: !isRoot },
] as const;

// What is in each of the others is the matter of samples/: here it is who builds, and how the sandbox is made.
describe.each(["node-express"])("build and run %s", (sample) => {
  const expected = readExpectation(sample);
  const path = packageFile(`samples/${sample}`);
  const digests = new Map<string, string>();

  describe.each(people.filter(({ skip }) => !skip))("as $who", ({ who, open }) => {
    let person: Person;
    beforeAll(async () => {
      person = await open();
    });

    describe.each(ways)("with $title", ({ sandbox, skip }) => {
      const image = `e2e/${sample}-${sandbox}`;
      const args = [image, "--path", path, "--sandbox", sandbox];

      it.skipIf(skip)("builds what the sample expects, and nothing of it is left behind", async () => {
        // An earlier run of these tests may have kept its image.
        await tspack(person, ["images", "rm", image]);
        const built = await buildJson(person, [...args, "--clear-cache"]);
        expect(built.runner).toBe(`sandbox (${sandbox})`);
        expect(built.group.map(({ id }) => id)).toEqual(expected.buildpacks);
        expect(built.processes).toEqual(expected.processes.map(({ type, default: own }) => ({ type, default: own })));
        for (const pattern of expected.firstBuild) expect(built.log).toMatch(pattern);
        expect(leftovers(person)).toEqual([]);
        digests.set(`${who} ${sandbox}`, built.digest);
      });

      it.skipIf(skip)("reuses every layer of a second build, and says so", async () => {
        const again = await buildJson(person, args);
        expect(again.digest).toBe(digests.get(`${who} ${sandbox}`));
        const own = again.layers.filter(({ action }) => action !== "base");
        expect(own.length).toBeGreaterThan(3);
        expect(own.map(({ layer, action }) => [layer, action])).toEqual(own.map(({ layer }) => [layer, "reused"]));
        expect(own.filter(({ reason }) => reason === "")).toEqual([]);
        const cached = Object.entries(expected.layers).flatMap(([id, layers]) =>
          Object.entries(layers).flatMap(([name, { cache }]) => (cache ? [`${id}:${name}`] : [])),
        );
        expect(again.restored.filter(({ from }) => from === "cache").map(({ layer }) => layer)).toEqual(
          expect.arrayContaining(cached),
        );
        for (const pattern of expected.secondBuild) expect(again.log).toMatch(pattern);
      });

      it.skipIf(skip)("runs; the application answers and ends at once with Ctrl-C", async () => {
        const port = await freePort();
        const running = startTspack(person, ["run", "--sandbox", sandbox, "-e", `PORT=${port}`, image]);
        try {
          const answer = await ask(`http://127.0.0.1:${port}${expected.http.path}`, running.done);
          expect(answer).toMatchObject({
            status: expected.http.status,
            body: expect.stringMatching(expected.http.body),
          });
          const began = performance.now();
          running.child.kill("SIGINT");
          await running.done;
          expect(performance.now() - began).toBeLessThan(process.env["CI"] ? 1000 : 3000);
          expect(leftovers(person)).toEqual([]);
        } finally {
          running.child.kill("SIGKILL");
        }
      });
    });
  });

  it("gives the same image whoever builds it and however the sandbox is made", () => {
    expect(digests.size).toBeGreaterThan(0);
    expect(new Set(digests.values()).size).toBe(1);
  });
});

describe("run", () => {
  it("hands on arguments and the exit code of what it started", async () => {
    const person = await self();
    const image = "e2e/first";
    const shown = await succeed(person, ["run", "--entrypoint", "launcher", image, "--", "node", "-p", "6*7"]);
    expect(shown.stdout).toBe("42\n");
    const failed = await startTspack(person, ["run", "--entrypoint", "launcher", image, "--", "sh", "-c", "exit 7"])
      .done;
    expect(failed.code).toBe(7);
  });
});
