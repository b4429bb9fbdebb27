import { join } from "node:path";
import { expect, it } from "vitest";
import { describeEngines } from "./engine-site.ts";

describeEngines("caches of builds", (at, program) => {
  const { scripted, ask, things, publishing } = at;

  const five: readonly string[] = [];
  const creator = ["--trust-builder"];
  const kept = "kept from the last build";
  const isDocker = program === "dockerd";

  it("puts the image into the engine, keeps caches in volumes with pack's names, and reuses both", async () => {
    const first = await scripted("e2e/kept", "--output", "engine", "--network", "host");
    const image = (await ask("/images/e2e/kept/json")) as { readonly Id: string };
    expect(image.Id.replace(/^(sha256:)?/, "sha256:")).toBe(first.digest);
    const { volumes, others } = await things();
    expect(others).toEqual([]);
    expect(volumes.filter((name) => name.startsWith("pack-cache-e2e_kept_latest-"))).toEqual([
      expect.stringMatching(/^pack-cache-e2e_kept_latest-[0-9a-f]{12}\.build$/),
      expect.stringMatching(/^pack-cache-e2e_kept_latest-[0-9a-f]{12}\.launch$/),
    ]);
    const again = await scripted("e2e/kept", "--output", "engine", "--network", "host", "--trust-builder");
    expect(again.log).toContain("kept from the last build");
    expect(again.digest).toBe(first.digest);
    expect(again.restored).toEqual([{ layer: "test/scripted:data", from: "cache" }]);
    expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
    const cleared = await scripted("e2e/kept", "--output", "engine", "--network", "host", "--clear-cache");
    expect(cleared.log).not.toContain("kept from the last build");
  });

  it.runIf(isDocker)("keeps layers in a named volume, which --clear-cache empties", async () => {
    const args = ["--output", "engine", "--network", "host", "--cache", "type=build;format=volume;name=e2e-own"];
    expect((await scripted("e2e/volume", ...args, ...five)).log).not.toContain(kept);
    expect((await things()).volumes).toContain("e2e-own");
    expect((await things()).volumes.filter((name) => /^pack-cache-e2e_volume_.*build$/.test(name))).toEqual([]);
    const other = await scripted("e2e/volume-other", ...args, ...creator);
    expect(other.restored).toEqual([{ layer: "test/scripted:data", from: "cache" }]);
    for (const way of [five, creator])
      expect((await scripted("e2e/volume", ...args, ...way, "--clear-cache")).log).not.toContain(kept);
    expect((await scripted("e2e/volume", ...args, ...five)).log).toContain(kept);
  });

  it("keeps layers in a directory of the engine's machine", async () => {
    const source = join(at.directory, "bound");
    const args = ["--output", "engine", "--network", "host", "--cache", `type=build;format=bind;source=${source}`];
    expect((await scripted("e2e/bound", ...args, ...creator)).log).not.toContain(kept);
    const other = await scripted("e2e/bound-other", ...args, ...five);
    expect(other.log).toContain(kept);
    const cleared = await scripted("e2e/bound", ...args, ...five, "--clear-cache");
    expect(cleared.log).not.toContain(kept);
    expect((await things()).volumes.filter((name) => /^pack-cache-e2e_bound.*build$/.test(name))).toEqual([]);
  });

  it.runIf(isDocker)("keeps layers in a cache image", async () => {
    const args = [...publishing(), "--cache-image", `${at.registry.host}/cache:1`];
    expect((await scripted(`${at.registry.host}/cached:1`, ...args, ...five)).log).not.toContain(kept);
    const other = await scripted(`${at.registry.host}/cached-other:1`, ...args, ...creator);
    expect(other.restored).toEqual([{ layer: "test/scripted:data", from: "cache" }]);
    const cleared = await scripted(`${at.registry.host}/cached-other:1`, ...args, ...five, "--clear-cache");
    expect(cleared.log).not.toContain(kept);
    expect((await things()).volumes.filter((name) => name.startsWith("pack-cache-cached"))).toEqual([]);
  });
});
