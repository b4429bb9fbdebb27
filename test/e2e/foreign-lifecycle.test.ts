import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Image } from "../../lifecycle/oci/image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { startDockerEngine, type TestEngine } from "./docker-engine.ts";
import { referenceArchive } from "./foreign-lifecycle.ts";
import { lackingGo } from "./go-modules.ts";
import { sampleDirectory } from "./samples.ts";
import { buildJson, packageFile, type Person, removeAll, scratchDirectory, self, succeed } from "./tspack.ts";
import { lacking } from "./unprivileged/containers.ts";

const missing = lackingGo();
const note = missing.length > 0 ? ` (needs ${missing.join(", ")})` : "";
const foreign = "e2e/builder:reference";
const sample = ["--path", sampleDirectory("node-hello")];

/** The layers of an app image, and which of them come from the lifecycle. */
interface AppLayers {
  readonly diffIds: readonly string[];
  readonly launcher: string;
  /** The bills of materials, among them that of the launcher. */
  readonly sbom: string;
}

async function layersOf(image: Image | undefined): Promise<AppLayers> {
  if (image === undefined) throw new Error("there is no such image");
  const { value } = await image.config();
  const label = value.config?.Labels?.["io.buildpacks.lifecycle.metadata"] ?? "{}";
  const { launcher, sbom } = JSON.parse(label) as Readonly<Record<"launcher" | "sbom", { readonly sha: string }>>;
  return { diffIds: value.rootfs.diff_ids, launcher: launcher.sha, sbom: sbom.sha };
}

function withoutLauncher({ diffIds, launcher, sbom }: AppLayers): readonly string[] {
  expect(diffIds).toEqual(expect.arrayContaining([launcher, sbom]));
  return diffIds.filter((id) => id !== launcher && id !== sbom);
}

describe.skipIf(missing.length > 0)(`a builder with the reference's lifecycle${note}`, () => {
  const scratch = scratchDirectory("foreign");
  let person: Person;
  const here = (name: string): Promise<AppLayers> =>
    layoutStore(join(person.home, "data/images")).resolve(parseReference(name)).then(layersOf);

  beforeAll(async () => {
    person = await self();
    const archive = referenceArchive(join(scratch, "distribution"));
    cpSync(packageFile("dist/buildpacks"), join(scratch, "buildpacks"), { recursive: true });
    const config = join(scratch, "buildpacks/builder.toml");
    writeFileSync(config, `${readFileSync(config, "utf8")}\n[lifecycle]\nuri = ${JSON.stringify(archive)}\n`);
    await succeed(person, ["builder", "create", foreign, "--config", config]);
    await buildJson(person, ["e2e/by-ours", ...sample]);
    await buildJson(person, ["e2e/by-theirs", ...sample, "--builder", foreign, "--runner", "sandbox"]);
  });
  afterAll(() => removeAll(scratch));

  it("says which lifecycle it has", async () => {
    const { stdout } = await succeed(person, ["builder", "inspect", foreign, "--output", "json"]);
    const { local_info: local } = JSON.parse(stdout) as { readonly local_info: { readonly lifecycle: object } };
    expect(local.lifecycle).toMatchObject({ version: "0.21.17" });
  });

  it("builds in the sandbox what ours builds, but for the launcher", async () => {
    const [ours, theirs] = await Promise.all([here("e2e/by-ours"), here("e2e/by-theirs")]);
    expect(withoutLauncher(theirs)).toEqual(withoutLauncher(ours));
    expect(theirs.diffIds).toHaveLength(ours.diffIds.length);
    expect(theirs.launcher).not.toBe(ours.launcher);
  });

  it("gives images that run, and takes its layers back on the next build", async () => {
    const command = ["run", "--entrypoint", "launcher", "e2e/by-theirs", "--", "node", "--version"];
    const { stdout } = await succeed(person, command);
    expect(stdout).toMatch(/^v\d+\./);
    const again = await buildJson(person, ["e2e/by-theirs", ...sample, "--builder", foreign, "--runner", "sandbox"]);
    expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
  });

  const lacks = lacking("dockerd");
  describe.skipIf(lacks.length > 0)(`in containers${lacks.length > 0 ? ` (needs ${lacks.join(", ")})` : ""}`, () => {
    let engine: TestEngine;
    const env = (): Readonly<Record<string, string>> => ({ DOCKER_HOST: `unix://${engine.socket}` });
    const build = (name: string, ...args: readonly string[]): ReturnType<typeof buildJson> => {
      const options = ["--builder", foreign, "--runner", "engine", "--network", "host", ...args];
      return buildJson(person, [name, ...sample, ...options], { env: env() });
    };
    const inEngine = async (name: string): Promise<AppLayers> => {
      const connection = engineConnection({ kind: "unix", path: engine.socket });
      try {
        const store = engineStore({ engine: connection, directory: () => join(scratch, "saved") });
        return await layersOf(await store.resolve(parseReference(name)));
      } finally {
        await connection.close();
      }
    };

    beforeAll(async () => {
      const started = await startDockerEngine();
      if (started === undefined) throw new Error("no engine can be started here");
      engine = started;
    });
    afterAll(() => engine.close());

    it("makes the sandbox's image when only buildpacks run in containers", async () => {
      await build("e2e/theirs-in-two", "--output", "local");
      expect(await here("e2e/theirs-in-two")).toEqual(await here("e2e/by-theirs"));
    });

    it("makes the sandbox's layers in its own creator", async () => {
      await build("e2e/theirs-in-one", "--output", "engine", "--trust-builder");
      expect(await inEngine("e2e/theirs-in-one")).toEqual(await here("e2e/by-theirs"));
    });

    it("makes ours when our lifecycle runs beside it, since the builder is not trusted", async () => {
      await build("e2e/theirs-in-five", "--output", "engine");
      expect(await inEngine("e2e/theirs-in-five")).toEqual(await here("e2e/by-ours"));
    });
  });
});
