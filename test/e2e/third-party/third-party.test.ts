import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import { type DockerRegistry, startDockerRegistry } from "../../fakes/docker-registry.ts";
import { runImage } from "../engine-build.ts";
import { lackingGo } from "../go-modules.ts";
import { type Lifecycle, ourLifecycle, referenceLifecycle } from "../interchange/implementations.ts";
import { appImage, interchangeWorkspace, type Workspace } from "../interchange/workspace.ts";
import { makeSmallBuildImage, smallBuildImage, storeContext, writeTree } from "../scripted-builder.ts";
import { buildJson, needs, type Person, removeAll, scratchDirectory, self, succeed } from "../tspack.ts";
import { buildDirectories, copyImage, engines, lacking, loadImage, runContainer } from "../unprivileged/containers.ts";
import { application, descriptors, installPrograms, order } from "./buildpacks.ts";

const tools = needs("docker-registry");
const missing = [...lackingGo(), ...(tools.skip ? ["docker-registry"] : [])];
const note = missing.length > 0 ? ` (needs ${missing.join(", ")})` : "";

const prefixed = (prefix: string, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${prefix}/${name}`, text]));

describe.skipIf(missing.length > 0)(`buildpacks made with the libraries of others${note}`, () => {
  const scratch = scratchDirectory("third-party");
  afterAll(() => removeAll(scratch));

  describe("in a builder of our own", () => {
    let person: Person;
    const args = ["--builder", "example.test/builder:third-party", "--path", join(scratch, "app")];

    beforeAll(async () => {
      person = await self();
      await makeSmallBuildImage(person);
      writeTree(join(scratch, "builder"), {
        "builder.toml": `[build]\nimage = "${smallBuildImage}"\n[[buildpacks]]\nuri = "settings"\n[[buildpacks]]\nuri = "labels"\n${order}`,
        "settings/buildpack.toml": descriptors.settings,
        "labels/buildpack.toml": descriptors.labels,
      });
      writeTree(join(scratch, "app"), application);
      installPrograms(join(scratch, "builder/settings"), join(scratch, "builder/labels"));
      const config = join(scratch, "builder/builder.toml");
      await succeed(person, ["builder", "create", "example.test/builder:third-party", "--config", config]);
    });

    it("build an application that runs with what their helpers and layers set", async () => {
      const built = await buildJson(person, ["e2e/third-party", ...args, "--env", "BP_TITLE=a title"]);
      expect(built.group.map(({ id }) => id)).toEqual(["third-party/settings", "third-party/labels"]);
      const { stdout } = await succeed(person, ["run", "e2e/third-party"]);
      expect(stdout.split("\n")).toEqual(
        expect.arrayContaining(["OF_HELPER=helped with no binding", "OF_SETTINGS=no binding", "OF_WEB=yes"]),
      );
      expect(stdout).toMatch(/^PATH=.*:\/of\/launch$/m);
    });

    it("take their layers back on the next build", async () => {
      const again = await buildJson(person, ["e2e/third-party", ...args, "--env", "BP_TITLE=a title"]);
      expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
      expect(again.log).toMatch(/Settings.*: .*Reusing.* cached layer/);
    });

    const lacks = lacking("dockerd");
    it.skipIf(lacks.length > 0)(
      `make the same layers in a container${lacks.length > 0 ? ` (needs ${lacks.join(", ")})` : ""}`,
      async () => {
        const registry = await startDockerRegistry();
        const engine = await engines[0].start();
        try {
          loadImage(engine, person, "example.test/builder:third-party");
          copyImage(person, "tspack.local/run:bookworm", `docker://${registry.host}/run:bookworm`);
          const app = join(scratch, "app");
          const at = buildDirectories(join(scratch, "container"), "1000:1000", app, { BP_TITLE: "a title" });
          const target = `${registry.host}/app`;
          const flags = ["-insecure-registry", registry.host, "-run-image", `${registry.host}/run:bookworm`];
          const finished = await runContainer(engine, {
            image: "example.test/builder:third-party",
            flags: ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
            volumes: { "/layers": at.layers, "/workspace": at.app, "/platform": at.platform, "/cache": at.cache },
            env: { CNB_PLATFORM_API: "0.14" },
            network: "host",
            command: ["/cnb/lifecycle/creator", ...flags, "-cache-dir", "/cache", target],
          });
          expect(finished, finished.stdout + finished.stderr).toMatchObject({ code: 0 });
          const { stdout } = await succeed(person, ["inspect", "--json", "e2e/third-party"]);
          const { layers } = JSON.parse(stdout) as { readonly layers: readonly { readonly diffId: string }[] };
          expect((await appImage(target)).diffIds).toEqual(layers.map(({ diffId }) => diffId));
        } finally {
          await engine.close();
          await registry.close();
        }
      },
    );
  });

  describe("by our lifecycle and by the reference's", () => {
    let registry: DockerRegistry;
    let place: Workspace;
    let theirs: Lifecycle;
    const ours = ourLifecycle();
    const name = (rest: string): string => `${registry.host}/${rest}`;
    const create = (who: Lifecycle, image: string): Promise<string> => {
      place.emptyLayers();
      const flags = ["-launcher", join(scratch, "work/launcher"), "-process-type", "web", "-cache-dir", place.cache];
      return place.succeed(who, "create", [...flags, name(image)]);
    };

    beforeAll(async () => {
      theirs = referenceLifecycle();
      registry = await startDockerRegistry();
      const run = registryStore({}).write(runImage(100, 2), [parseReference(name("run"))], { ctx: storeContext });
      await run;
      const at = (id: string): string => `buildpacks/third-party_${id}/1.0.0`;
      place = interchangeWorkspace(join(scratch, "work"), "0.12", name("run"), ours.launcher, {
        ...prefixed("app", application),
        [`${at("settings")}/buildpack.toml`]: descriptors.settings,
        [`${at("labels")}/buildpack.toml`]: descriptors.labels,
        "order.toml": order,
        "platform/env/BP_TITLE": "of the platform",
        "platform/bindings/one/type": "settings",
        "platform/bindings/one/value": "bound",
      });
      installPrograms(join(scratch, "work", at("settings")), join(scratch, "work", at("labels")));
    });
    afterAll(() => registry?.close());

    it("make the same image", async () => {
      await create(ours, "ours");
      place.emptyCache();
      await create(theirs, "theirs");
      const image = await appImage(name("ours"));
      expect(image).toEqual({ ...(await appImage(name("theirs"))), layers: image.layers });
      expect(image.config.config.Labels).toMatchObject({ title: "of the platform", "from.settings": "bound" });
    });

    it.each(["ours", "theirs"] as const)(
      "reuse what the other of %s built, by the metadata that came back",
      async (first) => {
        const [one, other] = first === "ours" ? [ours, theirs] : [theirs, ours];
        place.emptyCache();
        const app = `again-${first}`;
        await create(one, app);
        const before = await appImage(name(app));
        const output = await create(other, app);
        expect(output).toMatch(/Settings.*: .*Reusing.* cached layer/);
        expect(output).toContain("Reusing layer 'third-party/settings:helper'");
        expect(output).toContain("Reusing layer 'third-party/settings:settings'");
        expect(await appImage(name(app))).toEqual(before);
      },
    );
  });
});
