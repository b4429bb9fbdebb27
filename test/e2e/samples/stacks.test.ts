import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, freePort } from "../http.ts";
import { readExpectation } from "../samples.ts";
import {
  buildJson,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  startTspack,
  succeed,
} from "../tspack.ts";

const tools = needs("bwrap");

// The other tests of samples are about bookworm. What is proven by hand besides is in buildpacks/README.md.
const stacks = [
  {
    stack: "trixie",
    has: "Debian 13",
    samples: [
      { sample: "node-express" },
      { sample: "python-flask", body: /Flask on Python 3\.13\.\d+/ },
      { sample: "java-maven", body: /^\{"hello":"Java 21"\}$/, said: /JRE 21\./ },
    ],
  },
  {
    stack: "bookworm-slim",
    has: "no shell in the run image",
    samples: [
      { sample: "node-express" },
      { sample: "go-vendored" },
      // Before Java a program in bash starts, which only a package can be.
      { sample: "java-maven", said: /Resolving .*\bbash\b/ },
      // A shell reads the command of its Procfile.
      { sample: "deb-packages", said: /Resolving bash / },
    ],
  },
] as const satisfies readonly StackRow[];

interface StackRow {
  readonly stack: string;
  readonly has: string;
  readonly samples: readonly { readonly sample: string; readonly body?: RegExp; readonly said?: RegExp }[];
}

describe.skipIf(tools.skip).each<StackRow>(stacks)(
  `samples on $stack, with $has${tools.note}`,
  ({ stack, samples }) => {
    let person: Person;
    let directory = "";
    const builder = `e2e/builder:${stack}`;

    beforeAll(async () => {
      person = await self();
      directory = scratchDirectory("sample-stacks");
      const images = { run: `e2e/run:${stack}`, build: `e2e/build:${stack}` };
      await succeed(person, ["stack", "create", stack, "--run", images.run, "--build", images.build]);
      const own = readFileSync(packageFile("dist/buildpacks/builder.toml"), "utf8").replace(
        /^uri = "(.*)"$/gm,
        (_, uri: string) => `uri = "${packageFile(`dist/buildpacks/${uri}`)}"`,
      );
      const file = join(directory, "builder.toml");
      writeFileSync(file, `${own}\n[build]\nimage = "${images.build}"\n\n[[run.images]]\nimage = "${images.run}"\n`);
      await succeed(person, ["builder", "create", builder, "--config", file]);
    });
    afterAll(() => {
      removeAll(directory);
    });

    it.each(samples)("$sample is built by the same buildpacks as on bookworm, and answers", async (row) => {
      const expected = readExpectation(row.sample);
      const image = `e2e/${stack}-${row.sample}`;
      const path = packageFile(`samples/${row.sample}`);
      const built = await buildJson(person, [image, "--path", path, "--builder", builder, "--runner", "sandbox"]);
      expect.soft(built.group.map(({ id }) => id)).toEqual(expected.buildpacks);
      if (row.said !== undefined) expect.soft(built.log).toMatch(row.said);
      const { status, body } = expected.http;
      expect(await answer(person, image, expected.http.path)).toMatchObject({
        status,
        body: expect.stringMatching(row.body ?? body) as string,
      });
    });
  },
);

/** What the default process of an image answers. */
async function answer(person: Person, image: string, path: string): Promise<object> {
  const port = await freePort();
  const running = startTspack(person, ["run", "-e", `PORT=${port}`, image]);
  try {
    return await ask(`http://127.0.0.1:${port}${path}`, running.done);
  } finally {
    running.child.kill("SIGINT");
    await running.done;
  }
}
