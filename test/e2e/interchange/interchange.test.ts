import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import { type DockerRegistry, startDockerRegistry } from "../../fakes/docker-registry.ts";
import { runImage } from "../engine-build.ts";
import { lackingGo } from "../go-modules.ts";
import { storeContext } from "../scripted-builder.ts";
import { needs, removeAll, scratchDirectory, self, succeed, tspack } from "../tspack.ts";
import { type Lifecycle, ourLifecycle, referenceLifecycle } from "./implementations.ts";
import { type AppImage, appImage, interchangeWorkspace, type Workspace } from "./workspace.ts";

const tools = needs("docker-registry");
const missing = [...lackingGo(), ...(tools.skip ? ["docker-registry"] : [])];
const note = missing.length > 0 ? ` (needs ${missing.join(", ")})` : "";

/** Who builds first, and who goes on with what that left. */
const directions = [
  { first: "ours", second: "theirs" },
  { first: "theirs", second: "ours" },
] as const;

describe.skipIf(missing.length > 0).each(["0.12", "0.15"])(`with the reference, Platform API %s${note}`, (api) => {
  let registry: DockerRegistry;
  let place: Workspace;
  const by: { ours: Lifecycle; theirs: Lifecycle } = { ours: ourLifecycle(), theirs: ourLifecycle() };
  const scratch = scratchDirectory("interchange");
  const name = (rest: string): string => `${registry.host}/${rest}`;
  const push = async (to: string, seed: number, layers: number): Promise<void> => {
    await registryStore({}).write(runImage(seed, layers), [parseReference(name(to))], { ctx: storeContext });
  };
  const launcherFlags = (): readonly string[] => ["-launcher", `${scratch}/work/launcher`];
  const create = (who: Lifecycle, image: string, args: readonly string[] = []): Promise<string> => {
    place.emptyLayers();
    return place.succeed(who, "create", [...launcherFlags(), "-process-type", "web", ...args, name(image)]);
  };

  beforeAll(async () => {
    by.theirs = referenceLifecycle();
    registry = await startDockerRegistry();
    place = interchangeWorkspace(`${scratch}/work`, api, name("run"), by.ours.launcher);
  });
  beforeEach(async () => {
    await push("run", 100, 2);
  });
  afterAll(async () => {
    await registry?.close();
    removeAll(scratch);
  });

  it("builds the same image: layers, configuration and labels, but for the version of the launcher", async () => {
    await create(by.ours, "same:ours", ["-cache-dir", place.cache]);
    place.emptyCache();
    await create(by.theirs, "same:theirs", ["-cache-dir", place.cache]);
    const ours = await appImage(name("same:ours"));
    expect(ours).toEqual({ ...(await appImage(name("same:theirs"))), layers: ours.layers });
    expect(ours.diffIds.length).toBeGreaterThan(8);
  });

  describe.each(directions)("$first first, then $second", ({ first, second }) => {
    const one = (): Lifecycle => by[first];
    const other = (): Lifecycle => by[second];

    it.each(["directory", "image"])(
      "builds again with the cache %s of the first: all restored and reused",
      async (kind) => {
        place.emptyCache();
        const app = `again-${first}-${kind}`;
        const cache = kind === "image" ? ["-cache-image", name(`${app}-cache`)] : ["-cache-dir", place.cache];
        await create(one(), app, cache);
        const before = await appImage(name(app));
        const output = await create(other(), app, cache);
        for (const line of ["launched.toml was restored", "cached/file was restored", "kept/file was restored"])
          expect(output).toContain(line);
        for (const layer of [
          "test/layers:launched",
          "test/layers:cached",
          "test/second:tool",
          "buildpacksio/lifecycle:launch.sbom",
        ])
          expect(output).toContain(`Reusing layer '${layer}'`);
        expect(output).toContain("Reusing cache layer 'test/layers:kept'");
        expect(output).not.toMatch(/^Adding layer|^Added \d+\/\d+ app/m);
        // Layers as the first pushed them, byte for byte; so nothing was compressed again.
        expect(await appImage(name(app))).toEqual(before);
      },
    );

    it("restores what the first itself restores", async () => {
      place.emptyCache();
      const app = `restore-${first}`;
      await create(one(), app, ["-cache-dir", place.cache]);
      const restored = async (who: Lifecycle): Promise<Readonly<Record<string, string>>> => {
        place.emptyLayers();
        await place.succeed(who, "analyze", [name(app)]);
        await place.succeed(who, "detect", []);
        await place.succeed(who, "restore", ["-cache-dir", place.cache]);
        return place.layers();
      };
      const expected = await restored(one());
      expect(Object.keys(expected)).toEqual(
        expect.arrayContaining(["test_layers/launched.toml", "test_layers/kept/file"]),
      );
      expect(await restored(other())).toEqual(expected);
    });

    it("goes on after the first between any two phases", async () => {
      place.emptyCache();
      place.emptyLayers();
      const app = `mixed-${first}`;
      await place.succeed(one(), "analyze", [name(app)]);
      await place.succeed(other(), "detect", []);
      await place.succeed(one(), "restore", ["-cache-dir", place.cache]);
      await place.succeed(other(), "build", []);
      const flags = [...launcherFlags(), "-process-type", "web", "-cache-dir", place.cache];
      await place.succeed(one(), "export", [...flags, name(app)]);
      await create(one(), `${app}:whole`, ["-cache-dir", place.cache]);
      expect(await appImage(name(app))).toEqual(await appImage(name(`${app}:whole`)));
    });

    it("rebases: the new base below the same layers, and labels as the first itself would write them", async () => {
      const app = `rebase-${first}`;
      await create(one(), app);
      const before = await appImage(name(app));
      await create(one(), `${app}:self`);
      await push("run", 500, 3);
      await place.succeed(other(), "rebase", [name(app)]);
      await place.succeed(one(), "rebase", [name(`${app}:self`)]);
      const after = await appImage(name(app));
      expect(after.layers.slice(3)).toEqual(before.layers.slice(2));
      expect(after.layers.slice(0, 3)).not.toContain(before.layers[0]);
      expect(withoutHistory(after)).toEqual(withoutHistory(await appImage(name(`${app}:self`))));
      expect(historyLength(after)).toBe(after.diffIds.length);
    });
  });

  it("tspack inspects an image of the reference", async () => {
    await create(by.theirs, "inspected");
    const { stdout } = await succeed(await self(), ["inspect", "--json", name("inspected")]);
    const { diffIds } = await appImage(name("inspected"));
    expect(JSON.parse(stdout)).toMatchObject({
      base: { image: name("run") },
      rebasable: true,
      buildpacks: [{ id: "test/layers" }, { id: "test/second" }],
      processes: [
        { type: "web", command: "/bin/sh -c say", default: true },
        { type: "worker", workingDirectory: "/tmp" },
      ],
      layers: diffIds.map((diffId) => ({ diffId })),
    });
  });

  it("tspack rebases an image of the reference", async () => {
    await create(by.theirs, "rebased-by-tspack");
    const before = await appImage(name("rebased-by-tspack"));
    await push("run", 900, 1);
    const finished = await tspack(await self(), ["rebase", name("rebased-by-tspack"), "--publish"]);
    expect(finished, finished.stderr).toMatchObject({ code: 0 });
    expect((await appImage(name("rebased-by-tspack"))).layers.slice(1)).toEqual(before.layers.slice(2));
  });
});

/** Ours keeps the history of layers that stay where the reference empties it (lifecycle/README.md). */
function withoutHistory({ config, diffIds }: AppImage): object {
  return { ...config, history: undefined, diffIds };
}

function historyLength({ config }: AppImage): number {
  return config.history.length;
}
