import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import { leftovers, startTspack, tspack } from "./tspack.ts";
import { describeEngines } from "./engine-site.ts";

describeEngines("builds that end early", (at) => {
  const { build, things } = at;

  /** A build that goes on; it ends with the test at the latest, also with one that fails. */
  const startBuild = (args: readonly string[]): ReturnType<typeof startTspack> => {
    const started = startTspack(at.person, args, { env: at.env });
    onTestFinished(async () => {
      started.child.kill("SIGINT");
      await started.done;
    });
    return started;
  };

  it("says what a failed buildpack said, and leaves nothing", async () => {
    const broken = scriptedApp(join(at.directory, "broken"), { build: "echo this is why >&2; exit 7" });
    const before = await things();
    for (const output of [["--output", "engine"], []]) {
      const args = [
        "build",
        "e2e/broken",
        "--path",
        broken,
        "--builder",
        scriptedBuilder,
        "--runner",
        "engine",
        ...output,
      ];
      const { code, stderr } = await tspack(at.person, args, { env: at.env });
      expect(code).toBe(51);
      expect(stderr).toContain("this is why");
    }
    expect((await things()).others).toEqual([]);
    expect((await things()).volumes.filter((name) => !name.startsWith("pack-cache-"))).toEqual(
      before.volumes.filter((name) => !name.startsWith("pack-cache-")),
    );
    expect(leftovers(at.person)).toEqual([]);
  });

  it.each([
    ["in five containers", ["--output", "engine"]],
    ["in the creator", ["--output", "engine", "--trust-builder"]],
    ["with the phases outside", []],
  ] as const)("leaves nothing after Ctrl-C %s", async (_how, output) => {
    const slow = scriptedApp(join(at.directory, "slow"), { build: "trap '' INT TERM; echo sleeping; sleep 600" });
    const args = ["build", "e2e/slow", "--path", slow, "--builder", scriptedBuilder, "--runner", "engine", ...output];
    const running = startBuild(args);
    await running.says("sleeping");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.done;
    expect(code).toBe(130);
    expect(stderr).toMatch(/Canceled\.\n$/);
    const { volumes, others } = await things();
    expect(others).toEqual([]);
    expect(volumes.filter((name) => !name.startsWith("pack-cache-"))).toEqual([]);
    expect(leftovers(at.person)).toEqual([]);
  });

  it("takes away what a killed build left, with the next one, and nothing of one that runs", async () => {
    const slow = scriptedApp(join(at.directory, "killed"), { build: "echo sleeping; sleep 600" });
    const args = ["build", "e2e/killed", "--path", slow, "--builder", scriptedBuilder, "--runner", "engine"];
    const [killed, running] = await Promise.all(
      [1, 2].map(async () => {
        const started = startBuild([...args, "--network", "host", "--output", "engine"]);
        await started.says("sleeping");
        return started;
      }),
    );
    const both = await things();
    killed?.child.kill("SIGKILL");
    await killed?.done;
    expect(await things()).toEqual(both);
    const odd = scriptedApp(join(at.directory, "odd"), {
      detect: "touch .wh.file",
      build: "[ -e .wh.file ] && echo the odd file is here; rm .wh.file",
    });
    // The phases are outside: directories are copied out of the container and in again.
    const { log } = await build("e2e/odd", "--path", odd, ...args.slice(4), "--network", "host");
    expect(log).toContain("the odd file is here");
    const left = await things();
    expect(left.others).toHaveLength(both.others.length / 2);
    running?.child.kill("SIGINT");
    expect((await running?.done)?.code).toBe(130);
    const { volumes, others } = await things();
    expect([...others, ...volumes.filter((name) => !name.startsWith("pack-cache-"))]).toEqual([]);
    expect(leftovers(at.person)).toEqual([]);
  });
});
