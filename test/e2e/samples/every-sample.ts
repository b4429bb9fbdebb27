import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { ContainerConfig } from "../../../lifecycle/oci/image-config.ts";
import { ask, freePort } from "../http.ts";
import { allSamples, type LayerFlags, readExpectation, type SampleExpectation } from "../samples.ts";
import { buildJson, packageFile, type Person, self, tspack } from "../tspack.ts";
import { readRows, writeRow } from "./rows.ts";
import { namingSource } from "./sources.ts";

/** An image, as its store has it. */
export interface SampleImage {
  readonly diffIds: readonly string[];
  readonly config: ContainerConfig;
  /** Bytes of the compressed layers, the base's among them; undefined where the store has them unpacked. */
  readonly size?: number | undefined;
}

/** An application that was started. */
export interface StartedSample {
  readonly done: Promise<{ readonly stderr: string }>;
  readonly stop: () => Promise<void>;
}

/** One way to build and to run. */
export interface SampleRunner {
  readonly name: "sandbox" | "docker";
  /** What `build --json` says. */
  readonly said: RegExp;
  readonly args: readonly string[];
  readonly env: () => Readonly<Record<string, string>>;
  readonly image: (person: Person, name: string) => Promise<SampleImage>;
  readonly start: (person: Person, name: string, port: number) => StartedSample;
}

type Built = Awaited<ReturnType<typeof buildJson>>;

/** Builds, runs and asks every sample twice. */
export function describeSamples(runner: SampleRunner): void {
  let person: Person;
  beforeAll(async () => {
    person = await self();
  });

  describe.each(allSamples())("%s", (sample) => {
    const expected = readExpectation(sample);
    const name = `e2e/sample-${runner.name}-${sample}`;
    const args = [name, "--path", packageFile(`samples/${sample}`), ...runner.args];
    const build = async (...more: readonly string[]): Promise<Built> => {
      try {
        return await buildJson(person, [...args, ...more], { env: runner.env() });
      } catch (error) {
        throw namingSource(error);
      }
    };

    it("is built as it promises, answers, and is built and answers again, with what there is", async () => {
      // An earlier run of these tests may have kept its image.
      if (runner.name === "sandbox") await tspack(person, ["images", "rm", name]);
      const cold = await build("--clear-cache");
      expect.soft(cold.runner).toMatch(runner.said);
      const image = await runner.image(person, name);
      checkFirst(cold, expected);
      checkImage(image, expected);
      await checkAnswer(runner, person, name, expected);

      const warm = await build();
      checkSecond(warm, expected);
      const again = await runner.image(person, name);
      await checkAnswer(runner, person, name, expected);
      const row = { id: digestOf(again), size: image.size, cold: cold.seconds, warm: warm.seconds };
      writeRow(runner.name, sample, row);
      if (!expected.reproducible) return;
      expect.soft(again, "the second build's image").toEqual(image);
      for (const [other, { id }] of Object.entries(readRows()[sample] ?? {}))
        expect.soft(`${runner.name} ${row.id}`, `the image of ${other}`).toBe(`${runner.name} ${id}`);
    });
  });
}

function checkFirst(built: Built, expected: SampleExpectation): void {
  expect.soft(built.group.map(({ id }) => id)).toEqual(expected.buildpacks);
  for (const pattern of expected.firstBuild) expect(built.log).toMatch(pattern);
  const promised = expected.processes.map(({ type, default: own }) => ({ type, default: own }));
  expect.soft(built.processes.toSorted(byType)).toEqual(promised.toSorted(byType));
}

/** What the labels say of processes and layers, and the size. */
function checkImage(image: SampleImage, expected: SampleExpectation): void {
  const { processes } = label(image, "io.buildpacks.build.metadata") as { readonly processes: readonly LabelProcess[] };
  const found = processes.map(({ type, command, args, ...more }) => ({
    type,
    command: [command, args ?? []].flat(),
    ...("working-dir" in more ? { "working-dir": more["working-dir"] } : {}),
  }));
  const promised = expected.processes.map(({ default: _own, ...process }) => process);
  expect.soft(found.toSorted(byType)).toEqual(promised.toSorted(byType));
  const { buildpacks } = label(image, "io.buildpacks.lifecycle.metadata") as { readonly buildpacks: readonly Owner[] };
  const layers = buildpacks.flatMap(({ key, layers: own }) =>
    Object.entries(own ?? {}).map(([name, { build, launch, cache }]) => [`${key}:${name}`, { build, launch, cache }]),
  );
  const launched = Object.entries(expected.layers).flatMap(([id, own]) =>
    Object.entries(own).flatMap(([name, flags]) => (flags.launch ? [[`${id}:${name}`, flags]] : [])),
  );
  expect.soft(Object.fromEntries(layers)).toEqual(Object.fromEntries(launched));
  if (image.size !== undefined && expected.size !== undefined)
    expect.soft(image.size / 1e6, "MB of the image").toBeLessThanOrEqual(expected.size);
}

function byType(a: { readonly type: string }, b: { readonly type: string }): number {
  return a.type < b.type ? -1 : 1;
}

interface LabelProcess {
  readonly type: string;
  readonly command: readonly string[] | string;
  readonly args: readonly string[] | null;
  readonly "working-dir"?: string;
}

interface Owner {
  readonly key: string;
  readonly layers: Readonly<Record<string, LayerFlags>> | null;
}

function label({ config }: SampleImage, name: string): unknown {
  return JSON.parse(config.Labels?.[name] ?? "null");
}

/** Of layers and configuration, but for the run image's name, which is another in each store. */
function digestOf({ diffIds, config: { Env, Entrypoint, User, WorkingDir, Labels } }: SampleImage): string {
  const name = "io.buildpacks.lifecycle.metadata";
  const { runImage: _name, stack: _older, ...metadata } = JSON.parse(Labels?.[name] ?? "{}") as Record<string, unknown>;
  const labels = { ...Labels, [name]: JSON.stringify(metadata) };
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const said = JSON.stringify([diffIds, Env, Entrypoint, User, WorkingDir, sorted]);
  return createHash("sha256").update(said).digest("hex");
}

function checkSecond(built: Built, expected: SampleExpectation): void {
  for (const pattern of expected.secondBuild) expect(built.log).toMatch(pattern);
  const own = built.layers.filter(({ action }) => action !== "base");
  const reused = own.filter(({ action }) => action === "reused").map(({ layer }) => layer);
  expect.soft(reused).toEqual(expect.arrayContaining([...(expected.reused ?? own.map(({ layer }) => layer))]));
  const cached = Object.entries(expected.layers).flatMap(([id, layers]) =>
    Object.entries(layers).flatMap(([layer, { cache }]) => (cache ? [`${id}:${layer}`] : [])),
  );
  const restored = built.restored.filter(({ from }) => from === "cache").map(({ layer }) => layer);
  expect.soft(restored).toEqual(expect.arrayContaining(cached));
}

async function checkAnswer(
  runner: SampleRunner,
  person: Person,
  name: string,
  { http }: SampleExpectation,
): Promise<void> {
  const port = await freePort();
  const started = runner.start(person, name, port);
  try {
    const answer = await ask(`http://127.0.0.1:${port}${http.path}`, started.done);
    expect.soft(answer).toMatchObject({ status: http.status, body: expect.stringMatching(http.body) });
  } finally {
    await started.stop();
  }
}
