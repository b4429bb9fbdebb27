import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planRebase, rebase, rebaseAll, type RebaseOutcome } from "../lifecycle/index.ts";
import { parseReference } from "../lifecycle/oci/reference.ts";
import { registryStore } from "../lifecycle/stores/registry/registry-store.ts";
import { appImage, runImage } from "./fakes/app-image.ts";
import { type CommandLine, commandLine } from "./fakes/command-line.ts";
import { type FakeRegistry, startFakeRegistry } from "./fakes/registry.ts";

describe("rebasing by the library", () => {
  let line: CommandLine;
  let registry: FakeRegistry;
  const name = (path: string): string => `${registry.host}/${path}`;
  const options = () => ({ env: { TSPACK_HOME: line.directory, DOCKER_HOST: `unix://${line.directory}/none` } });
  const store = registryStore();

  beforeAll(async () => {
    line = commandLine();
    registry = await startFakeRegistry();
    const base = runImage(1);
    for (const path of ["one", "two"]) {
      const image = await appImage({ base, runImage: name("run:1"), seed: path.length + path.charCodeAt(0) });
      await store.write(image, [parseReference(name(path))]);
    }
    await store.write(runImage(11), [parseReference(name("run:1"))]);
  });
  afterAll(async () => {
    line.remove();
    await registry.close();
  });

  test("plans without a change, rebases one, and several with an outcome for each, failures too", async () => {
    const before = await store.resolve(parseReference(name("one")));
    const plan = await planRebase({ image: name("one"), publish: true }, options());
    expect(plan).toMatchObject({ action: "rebase", layers: { removed: 2, added: 2, kept: 1 } });
    const now = await store.resolve(parseReference(name("one")));
    expect((await now?.manifest())?.digest).toBe((await before?.manifest())?.digest);

    const { digest } = await rebase({ image: name("one"), publish: true }, options());
    expect((await (await store.resolve(parseReference(name("one"))))?.manifest())?.digest).toBe(digest);

    const heard: RebaseOutcome[] = [];
    const images = [name("one"), name("two"), name("absent")];
    const outcomes = await rebaseAll(
      { images, publish: true, onOutcome: (outcome) => void heard.push(outcome) },
      options(),
    );
    expect(outcomes).toEqual(heard);
    const of = (path: string): unknown => outcomes.find(({ image }) => image === name(path));
    expect(of("one")).toMatchObject({ summary: { digest } });
    expect(of("two")).toHaveProperty("summary.runImage");
    expect(of("absent")).toMatchObject({ error: { code: "REBASE_FAILED" } });
    const planned = await rebaseAll({ images: images.slice(0, 2), publish: true, plan: true }, options());
    expect(planned.map((outcome) => ("plan" in outcome ? outcome.plan.action : outcome))).toEqual(["none", "none"]);
  });

  test("refuses with what is wrong", async () => {
    const request = { images: ["a", "b"], previousImage: "c" };
    await expect(rebaseAll(request, options())).rejects.toMatchObject({ code: "INVALID_ARGUMENTS" });
    const aborted = { ...options(), signal: AbortSignal.abort() };
    await expect(rebaseAll({ images: [name("one")], publish: true }, aborted)).rejects.toMatchObject({
      code: "CANCELED",
    });
  });
});
