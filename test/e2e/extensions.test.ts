import { chmodSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Image } from "../../lifecycle/oci/image.ts";
import { mutate, setLabels } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type LayoutStore, layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import {
  makeScriptedBuilder,
  scriptedApp,
  scriptedBuilder,
  scriptedBuilderFiles,
  smallBuildImage,
  storeContext,
  writeTree,
} from "./scripted-builder.ts";
import { buildJson, type Person, removeAll, scratchDirectory, self, succeed, tspack } from "./tspack.ts";

const otherRun = "e2e/run:other";

/** An extension whose `bin/generate` copies its own Dockerfiles. */
function extension(id: string, dockerfiles: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return {
    [`${id}/extension.toml`]: `api = "0.10"\n[extension]\nid = "e2e/${id}"\nversion = "1.0.0"\n`,
    [`${id}/bin/detect`]: "#!/bin/sh\nexit 0\n",
    [`${id}/bin/generate`]:
      '#!/bin/sh\necho "generating in $PWD"\ncp "$CNB_EXTENSION_DIR"/dockerfiles/* "$CNB_OUTPUT_DIR"/\n',
    ...Object.fromEntries(Object.entries(dockerfiles).map(([name, text]) => [`${id}/dockerfiles/${name}`, text])),
  };
}

describe("image extensions in the sandbox", () => {
  let person: Person;
  let store: LayoutStore;
  let directory = "";
  const at = (name: string): string => join(directory, name);
  const image = async (name: string): Promise<Image> => {
    const found = await store.resolve(parseReference(name));
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  const make = (id: string, dockerfiles: Readonly<Record<string, string>>): string => {
    writeTree(directory, extension(id, dockerfiles));
    return at(id);
  };
  const args = (name: string, ...extensions: readonly string[]): readonly string[] => [
    ...[name, "--path", at("app"), "--builder", scriptedBuilder, "--runner", "sandbox"],
    ...extensions.flatMap((one) => ["--extension", one]),
  ];

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("extensions");
    chmodSync(directory, 0o755);
    store = layoutStore(join(person.home, "data/images"));
    await makeScriptedBuilder(person, at("builder"));
    scriptedApp(at("app"), { build: 'echo "PATH is $PATH"' });
    const run = await image("tspack.local/run:bookworm");
    const other = mutate(run, setLabels({ "e2e.other": "yes" }));
    await store.write(other, [parseReference(otherRun)], { ctx: storeContext });
  });
  afterAll(() => removeAll(directory));

  it("switch the run image", async () => {
    const switching = make("switching", { "run.Dockerfile": `FROM ${otherRun}\n` });
    const built = await buildJson(person, args("e2e/switched", switching));
    expect(built.log).toContain("generating in /workspace");
    const { value } = await (await image("e2e/switched")).config();
    expect(value.config?.Labels).toMatchObject({ "e2e.other": "yes" });
    expect(value.config?.Labels?.["io.buildpacks.lifecycle.metadata"]).toContain(`"image":"${otherRun}"`);
    const { stdout } = await succeed(person, ["inspect", "e2e/switched", "--output", "json"]);
    expect(stdout).toContain("e2e/switching");
  });

  it("change the configuration of both images, and no layer of them", async () => {
    const configuring = make("configuring", {
      "run.Dockerfile": "ARG base_image\nFROM ${base_image}\nLABEL e2e.extended=yes\nENV EXTENDED=run\n",
      "build.Dockerfile": 'ARG base_image\nFROM ${base_image}\nENV PATH="/from/extension:${PATH}"\n',
    });
    const built = await buildJson(person, args("e2e/configured", configuring));
    expect(built.log).toMatch(/PATH is .*\/from\/extension/);
    const [app, run] = await Promise.all([image("e2e/configured"), image("tspack.local/run:bookworm")]);
    const [{ value }, { value: base }] = await Promise.all([app.config(), run.config()]);
    expect(value.config?.Labels).toMatchObject({ "e2e.extended": "yes" });
    expect(value.config?.Env).toContain("EXTENDED=run");
    expect(value.rootfs.diff_ids.slice(0, base.rootfs.diff_ids.length)).toEqual(base.rootfs.diff_ids);
    const again = await buildJson(person, args("e2e/configured", configuring));
    expect(again.digest).toBe(built.digest);
  });

  it("work in their order: what comes before a switch is void", async () => {
    const labelled = make("labelled", {
      "run.Dockerfile": "ARG base_image\nFROM ${base_image}\nLABEL e2e.void=yes\n",
    });
    await buildJson(person, args("e2e/ordered", labelled, at("switching")));
    const { value } = await (await image("e2e/ordered")).config();
    expect(value.config?.Labels).toMatchObject({ "e2e.other": "yes" });
    expect(value.config?.Labels).not.toHaveProperty("e2e.void");
  });

  it.each([
    ["the run image", "run.Dockerfile", "RUN"],
    ["the build image", "build.Dockerfile", "COPY"],
  ])("that execute something for %s are refused with the extender's words and code", async (_image, file, name) => {
    const executing = make(`executing-${name.toLowerCase()}`, {
      [file]: `ARG base_image\nFROM \${base_image}\n${name} a b\n`,
    });
    const { code, stderr } = await tspack(person, ["build", ...args("e2e/refused", executing)]);
    expect(code).toBe(102);
    expect(stderr).toContain(`this lifecycle has no executor for ${name}`);
    expect(await store.resolve(parseReference("e2e/refused"))).toBeUndefined();
  });

  it("that fail end the build with their code", async () => {
    const failing = { "failing/bin/generate": "#!/bin/sh\necho not today >&2\nexit 3\n" };
    writeTree(directory, { ...extension("failing", {}), ...failing });
    const { code, stderr } = await tspack(person, ["build", ...args("e2e/refused", at("failing"))]);
    expect(code).toBe(91);
    expect(stderr).toContain("not today");
    expect(stderr).toContain("EXTENSION_FAILED");
  });

  it("of the builder's own order take part, too", async () => {
    writeTree(at("own"), {
      ...scriptedBuilderFiles,
      "builder.toml":
        `${scriptedBuilderFiles["builder.toml"]}[[extensions]]\nuri = "../switching"\n` +
        '[[order-extensions]]\n[[order-extensions.group]]\nid = "e2e/switching"\nversion = "1.0.0"\n',
    });
    expect(scriptedBuilderFiles["builder.toml"]).toContain(smallBuildImage);
    const builder = "e2e/builder:extensions";
    await succeed(person, ["builder", "create", builder, "--config", at("own/builder.toml")]);
    await buildJson(person, ["e2e/own", "--path", at("app"), "--builder", builder, "--runner", "sandbox"]);
    expect((await (await image("e2e/own")).config()).value.config?.Labels).toMatchObject({ "e2e.other": "yes" });
  });
});
