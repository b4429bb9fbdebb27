import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { mutate, setEnv } from "../../lifecycle/oci/mutate.ts";
import { appImage, runImage } from "../fakes/app-image.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";

/** Values that no label has unless somebody wants to hurt, or made a mistake. */
const hostile: readonly string[] = [
  "",
  "null",
  "[]",
  "3",
  '"text"',
  "{",
  "{}",
  '{"processes":null,"bom":null,"buildpacks":null,"app":null,"runImage":null,"sbom":null,"stack":null}',
  '{"processes":3,"bom":3,"buildpacks":3,"app":3,"runImage":3,"sbom":3,"stack":3}',
  '{"processes":[null],"bom":[null],"buildpacks":[null],"app":[null],"runImage":[],"sbom":[],"stack":[]}',
  '{"processes":[{"type":3,"command":null}],"bom":"x","buildpacks":[{"id":null}],"runImage":{"image":3},"sbom":{"sha":3}}',
  '{"processes":[{}],"bom":{},"buildpacks":[{}],"app":[{}],"runImage":{},"sbom":{},"stack":{"runImage":null}}',
  '{"sbom":{"sha":"../../../etc/passwd"},"runImage":{"topLayer":"x","reference":"../..","image":"../.."}}',
  '{"description":3,"lifecycle":null,"images":[null],"stack":3,"createdBy":[]}',
  '{"lifecycle":{"version":null,"api":3,"apis":{"buildpack":null}},"images":3,"buildpacks":[{"id":"..","version":".."}]}',
  '[[{"group":null}],{"group":[null]},{"group":[{"id":3}]}]',
  '[{"group":[{"id":"../..","version":"../.."}]}]',
  '{"a":{"1":null},"b":null,"c":{"1":{"layerDiffID":3,"order":[{"group":[null]}]}}}',
  '{"../..":{"../..":{"api":"0.10","layerDiffID":"sha256:x"}}}',
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  '{"__proto__":{"x":1},"constructor":{"prototype":{}}}',
];

const labels = [
  "io.buildpacks.lifecycle.metadata",
  "io.buildpacks.build.metadata",
  "io.buildpacks.builder.metadata",
  "io.buildpacks.buildpack.order",
  "io.buildpacks.buildpack.layers",
  "io.buildpacks.buildpack.order-extensions",
  "io.buildpacks.buildpackage.metadata",
  "io.buildpacks.buildpack.system",
  "io.buildpacks.stack.mixins",
] as const;

const good = '{"description":"d","images":[],"buildpacks":[],"stack":{"runImage":{"image":""}},"lifecycle":{}}';
const base = runImage(1);
let line: CommandLine;

beforeAll(() => {
  line = commandLine();
});
afterAll(() => line.remove());

const commands = [
  ["inspect"],
  ["inspect", "--json"],
  ["inspect", "--output", "toml"],
  ["inspect", "--output", "yaml"],
  ["inspect", "--bom"],
  ["builder", "inspect"],
  ["builder", "inspect", "--output", "json"],
  ["buildpack", "inspect"],
  ["sbom", "download"],
  ["rebase"],
];

/** Its other labels are good enough to be looked at. */
async function writeImage(name: string, label: string, value: string): Promise<void> {
  const others = { "io.buildpacks.builder.metadata": good, "io.buildpacks.buildpackage.metadata": good };
  const runName = "tspack.local/run:1";
  const app = await appImage({ base, runImage: runName, labels: { ...others, [label]: value } });
  const image = mutate(app, setEnv([["CNB_USER_ID", "1000"]]));
  await line.local.write(base, [parseReference(runName)]);
  await line.local.write(image, [parseReference(name)]);
}

/** A quarter of all combinations: each value meets each label, and each command meets all of both. */
const isTried = (label: number, value: number, command: number): boolean => (label + value + command) % 4 === 0;

describe("an image is shown or refused, and never with a stack, whose label", () => {
  test.each(labels)(
    "%s is hostile",
    async (label) => {
      const name = "tspack.local/hostile:1";
      for (const [number, value] of hostile.entries()) {
        await writeImage(name, label, value);
        const tried = commands.filter((_, index) => isTried(labels.indexOf(label), number, index));
        for (const command of tried) {
          const { stderr } = await line.run(...command, name);
          expect.soft(stderr, `${command.join(" ")}: ${value.slice(0, 100)}`).not.toMatch(/internal error|\n +at /);
        }
      }
    },
    60_000,
  );
});
