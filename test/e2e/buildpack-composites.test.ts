import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildJson, needs, packageFile, type Person, removeAll, scratchDirectory, self, succeed } from "./tspack.ts";

const tools = needs("bwrap");
const composites = ["nodejs-apps", "python-apps", "go-apps", "java-apps", "static-apps", "procfile-apps", "apps"];

interface Definition {
  readonly order?: readonly { readonly group: readonly { readonly id: string }[] }[];
}

describe("packages of composite buildpacks", () => {
  const directory = scratchDirectory("composites");
  const buildpacks = join(directory, "buildpacks");
  let person: Person;
  beforeAll(async () => {
    person = await self();
    cpSync(packageFile("dist/buildpacks"), buildpacks, { recursive: true });
  });
  afterAll(() => removeAll(directory));

  /** The composite's own id and those that its order leads to. */
  function idsOf(id: string): readonly string[] {
    const file = join(buildpacks, id.replace("tspack/", ""), "buildpack.toml");
    const { order = [] } = parse(readFileSync(file, "utf8")) as Definition;
    return [...new Set([id, ...order.flatMap(({ group }) => group.flatMap((entry) => idsOf(entry.id)))])].sort();
  }

  async function inspected(name: string): Promise<readonly string[]> {
    const { stdout } = await succeed(person, ["buildpack", "inspect", name, "--output", "json"]);
    const { buildpacks: all } = JSON.parse(stdout) as { readonly buildpacks: readonly { readonly id: string }[] };
    return all.map(({ id }) => id).sort();
  }

  it.each(composites)("%s is a file with every buildpack that its order names", async (id) => {
    const file = join(directory, `${id}.cnb`);
    const config = join(buildpacks, id, "package.toml");
    await succeed(person, ["buildpack", "package", file, "--format", "file", "--config", config]);
    expect(await inspected(file)).toEqual(idsOf(`tspack/${id}`));
  });

  it("apps is an image, too", async () => {
    const config = join(buildpacks, "apps/package.toml");
    await succeed(person, ["buildpack", "package", "e2e/apps:packed", "--config", config]);
    expect(await inspected("docker://e2e/apps:packed")).toEqual(idsOf("tspack/apps"));
  });

  it.skipIf(tools.skip)(`a build takes the buildpacks of the file, not those of the builder${tools.note}`, async () => {
    // A version that no builder has.
    for (const [id, name] of [
      ["npm-start", "npm-start"],
      ["nodejs-apps", "npm-start"],
    ] as const) {
      const file = join(buildpacks, id, "buildpack.toml");
      const entry = new RegExp(`(id = "tspack/${name}"\\nversion = )"[^"]*"`);
      const text = readFileSync(file, "utf8");
      expect(text).toMatch(entry);
      writeFileSync(file, text.replace(entry, '$1"9.9.9"'));
    }
    const file = join(directory, "own.cnb");
    const config = join(buildpacks, "nodejs-apps/package.toml");
    await succeed(person, ["buildpack", "package", file, "--format", "file", "--config", config]);
    const args = ["e2e/of-composite", "--path", packageFile("samples/node-hello"), "--buildpack", file];
    const built = await buildJson(person, args);
    expect(built.group).toMatchObject([
      { id: "tspack/nodejs", version: "0.1.0" },
      { id: "tspack/npm-start", version: "9.9.9" },
    ]);
  });
});
